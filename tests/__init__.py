"""The tests mirror `core/` and `demos/`; benchmarks and figures are modules to run."""
