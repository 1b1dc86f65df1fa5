"""Settings that must be in place before torch and gradio are imported."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # spinning threads starve each other
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # no network in tests

import torch

torch.set_num_threads(min(2, os.cpu_count() or 1))
