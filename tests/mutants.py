"""Changes a module in small ways and shows which of them no test notices; ``make mutants``, on cosmic-ray.

It works in a copy of the repository. Changes that are no plausible mistake, such as a shift for a sum, are left out; of the others
a sample is taken, always the same one, so that a run ends: after about ``MUTANTS`` times the seconds that the tests of the
module take.
"""

from __future__ import annotations

import argparse
import random
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import WorkerOutcome, WorkItem, WorkResult

ROOT = Path(__file__).parents[1]
# The modules worth the time, each with the tests that are to notice: the first failure ends a run, so the quick ones first.
MODULES = {
    **{
        f"ollama_sdk/streaming/_{name}.py": [f"tests/streaming/test_{name}.py", *others]
        for name, others in {
            "framing": [],
            "reader": ["tests/client/test_streams.py", "tests/client/test_bad_endings.py"],
            "exchange": ["tests/client/test_control.py", "tests/client/test_closing.py"],
            "accumulation": [],
            "alike": [],
        }.items()
    },
    **{
        f"ollama_sdk/reliability/{name}.py": [f"tests/reliability/test_{tests}.py", "tests/reliability/test_stack.py"]
        for name, tests in {
            "cache": "cache",
            "circuit_breaker": "circuit_breaker",
            "endpoints": "failover",
            "failover": "failover",
            "rate_limit": "rate_limit",
            "retry": "retry",
        }.items()
    },
}
OPERATORS = re.compile(
    r"AddNot|Delete_Not|AndWithOr|OrWithAnd|TrueWithFalse|FalseWithTrue|Break|Continue|ExceptionReplacer|ZeroIteration"
    r"|NumberReplacer|Add_Sub|Sub_Add|Mul_Div|Is_IsNot|IsNot_Is|_Eq_NotEq|NotEq_Eq|Lt_LtE|LtE_Lt$|Gt_GtE|GtE_Gt$|In_NotIn|NotIn_In"
)
SECONDS = 120  # a change that makes the tests hang is noticed


def main() -> int:
    parser = argparse.ArgumentParser(description="Which changes of a module does no test notice?")
    parser.add_argument("modules", nargs="*", default=list(MODULES), help="by path (default: all that are listed)")
    parser.add_argument("--most", type=int, default=60, help="changes of each module (default: 60)")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copy = Path(folder)
        tracked = _output("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT)
        for name in filter(None, tracked.split("\0")):
            if (ROOT / name).is_file():
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / name, copy / name)
        for module in asked.modules:
            _mutate(copy, module, MODULES[module], asked.most)
    return 0


def _mutate(copy: Path, module: str, tests: list[str], most: int) -> None:
    """Change one module, and print what survived: to be looked at, for some changes mean nothing."""
    run = f"{ROOT / '.venv/bin/python'} -m pytest -x -q -p no:cacheprovider -p no:xdist {' '.join(tests)}"
    config, session = copy / "mutants.toml", copy / "mutants.sqlite"
    session.unlink(missing_ok=True)
    config.write_text(
        f'[cosmic-ray]\nmodule-path = ["{module}"]\ntimeout = {SECONDS}\nexcluded-modules = []\n'
        f'test-command = "{run}"\n[cosmic-ray.distributor]\nname = "local"\n',
        encoding="utf-8",
    )
    tool = Path(sys.executable).with_name("cosmic-ray")
    subprocess.run([tool, "init", config, session], cwd=copy, check=True)
    subprocess.run([tool, "baseline", config], cwd=copy, check=True)  # the tests pass as things are
    with use_db(str(session), WorkDB.Mode.open) as work:
        _leave_out(work, most, copy)
    subprocess.run([tool, "exec", config, session], cwd=copy, check=True)
    with use_db(str(session), WorkDB.Mode.open) as work:
        done = [result for _, result in work.results if result.worker_outcome is not WorkerOutcome.SKIPPED]
        survived = [result for _, result in work.results if not result.is_killed and result.diff]
    print(f"\n{module}: {len(done)} changes, {len(survived)} not noticed", flush=True)
    for result in survived:
        print(result.diff)


def _leave_out(work: WorkDB, most: int, copy: Path) -> None:
    """Skip what is not worth a run, and all but a sample of the rest."""
    items = sorted(work.work_items, key=lambda item: item.job_id)
    worth = [item for item in items if OPERATORS.search(item.mutations[0].operator_name) and not _is_syntax(item, copy)]
    worth.sort(
        key=lambda item: (item.mutations[0].start_pos, item.mutations[0].operator_name, item.mutations[0].occurrence)
    )
    kept = {item.job_id for item in random.Random(0).sample(worth, min(most, len(worth)))}
    for item in items:
        if item.job_id not in kept:
            work.set_result(item.job_id, WorkResult(worker_outcome=WorkerOutcome.SKIPPED))


def _is_syntax(item: WorkItem, copy: Path) -> bool:
    """Whether a change is of a line that computes nothing: ``if TYPE_CHECKING:``, or a ``*`` among parameters."""
    mutation = item.mutations[0]
    line = (copy / mutation.module_path).read_text(encoding="utf-8").splitlines()[mutation.start_pos[0] - 1]
    return "TYPE_CHECKING" in line or "*," in line


def _output(*command: str, cwd: Path) -> str:
    return subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    sys.exit(main())
