"""A campaign on a Slurm cluster: dask-jobqueue queues jobs, each a Dask worker, and the engine `dask` scores there.

    pip install 'naslib-zc-plugin[cli,dask]' dask-jobqueue
    python examples/slurm_dask.py examples/slurm_dask.yaml --jobs 40 --queue short
    python examples/slurm_dask.py examples/slurm_dask.yaml --jobs 8 --gpus 1 --queue gpu    # with `device: cuda` in it

Run it where jobs are submitted from and can reach (a login node, in tmux or as a job of its own), in the environment
that the workers have as well, with the images in a shared folder. Jobs come and go: another one scores the unfinished
architectures of a dying one. Ctrl-C or the end of this process stops everything; the same command goes on where it was.

Dask trusts whoever reaches its ports: with `--tls FOLDER` only the jobs do, by certificates in a folder of yours.

A cluster that runs already needs no script: give `engine: {name: dask, address: "tcp://node01:8786"}` in the
configuration, and start its workers by `dask worker tcp://node01:8786 --nthreads 1`, those with a GPU by
`CUDA_VISIBLE_DEVICES=0 dask worker tcp://node01:8786 --nthreads 1 --resources "GPU=1"`, one for each GPU, with
`resources: {GPU: 1}` beside the address.
"""

from __future__ import annotations

import argparse
import signal
import sys
from typing import Any

from naslib_zc_plugin.campaign.config import Config, load_campaign
from naslib_zc_plugin.campaign.engines import engine
from naslib_zc_plugin.campaign.run import Progress, prepare, run
from naslib_zc_plugin.campaign.store import Store


def options() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description="Score a campaign's architectures in Slurm jobs.")
    parser.add_argument("config", help="configuration in YAML; its engine is replaced by this one")
    parser.add_argument("--data", help="directory with images and tables")
    parser.add_argument("--jobs", type=int, default=4, help="at most so many at a time, each of them a worker")
    parser.add_argument("--gpus", type=int, default=0, choices=(0, 1), help="GPUs of a job")
    parser.add_argument("--memory", default="8GB", help="of a job")
    parser.add_argument("--walltime", default="04:00:00", help="of a job; longer campaigns get new jobs")
    parser.add_argument("--queue", help="partition")
    parser.add_argument("--account", help="account that is charged")
    parser.add_argument("--tls", metavar="FOLDER", help="of certificates made for it, which jobs see and others do not")
    return parser.parse_args()


def started(asked: argparse.Namespace, threads: int) -> Any:
    """Return a cluster of jobs that come as there is work, up to ``--jobs``."""
    try:
        from dask_jobqueue import SLURMCluster
    except ImportError:
        sys.exit("this needs dask-jobqueue: pip install dask-jobqueue")
    cluster = SLURMCluster(
        queue=asked.queue,
        account=asked.account,
        walltime=asked.walltime,
        memory=asked.memory,
        cores=1,  # threads of a worker that take tasks: one task at a time
        processes=1,
        job_cpu=threads,
        job_extra_directives=["--gres=gpu:1"] if asked.gpus else [],
        worker_extra_args=["--resources", "GPU=1"] if asked.gpus else [],
        **({"security": True, "shared_temp_directory": asked.tls} if asked.tls else {}),
    )
    cluster.adapt(minimum_jobs=1, maximum_jobs=asked.jobs)
    return cluster


def score(config: Config) -> Progress:
    """Score the missing architectures, until all are done or a signal comes."""
    received: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: received.append(number))
    with Store(config.store) as store:
        prepare(config, store)
        return run(config, store, engine(config), tell, lambda: bool(received))


def tell(progress: Progress) -> None:
    """Print the progress in one line, over the last one."""
    print(f"\r{progress.done:,} of {progress.total:,} done, {progress.failed:,} scores failed", end="", flush=True)


def main() -> None:
    """Start jobs and score; exit with a message if architectures are pending."""
    asked = options()
    config = load_campaign(asked.config, asked.data)
    with started(asked, config.threads) as cluster:
        more = {
            **({"resources": {"GPU": 1}} if asked.gpus else {}),
            **({"security": cluster.security} if asked.tls else {}),
        }
        done = score(config.replace(engine={"name": "dask", "address": cluster.scheduler_address, **more}))
    print()
    if done.pending:
        sys.exit("stopped; the same command goes on from there")


if __name__ == "__main__":
    main()
