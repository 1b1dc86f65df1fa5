"""The textbook: schedules, denoisers, samplers, inversion and the models they run on."""
