"""Network calls answered by replicas, on other cores and other machines.

`python -m core.remote --replicas 2` starts replicas on this machine, and with `--address` in a
cluster of Ray. A page that is told where they are (`python app.py --cluster ADDRESS`) stays one
process: only its network calls travel. A replica loads models by their name and answers calls
through an engine of its own, so that the calls of many runs share batches there, too.

Calls that are made at the same moment travel in one message, and each answer comes back as soon
as it is there: what comes meanwhile is let into the replica's next batch, which a batch of the
transport would not do. A call is a pure function of its x, t and condition: one whose replica has
died is sent again, to another. Ray: Moritz et al. 2018, https://arxiv.org/abs/1712.05889.

Ray is imported when `serving` is asked to start or to find replicas, and never otherwise;
`requirements-cluster.txt` has it.
"""
