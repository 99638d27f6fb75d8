"""If an allocation fails in the collector or in trace-report, or SQLite cannot read, write, sync or lock a file, or the machine
stops: the program does not notice, the database is sound and not called complete if it is not, and one line says what is lost.

A spread sample of each kind; scripts/test-failures tries all.
"""

import shortages

COLLECTOR_MOST = 10  # of each kind
REPORT_MOST = 4
LAST = 2500  # of a report's allocations: what was read is kept and printed
ALL = {("runs", "short"), ("sql", "short")}  # these once ended with 0 after an error, for a few n only


def spread(subject, kind, most):
    count = subject.count(kind)
    most = min(most, count)
    return count, sorted({1 + i * (count - 1) // max(1, most - 1) for i in range(most)})


def test_shortages(build, tmp_path, say):
    wrong = []
    for subject in shortages.subjects(build, tmp_path):
        most = COLLECTOR_MOST if subject.process == "collector" else REPORT_MOST
        said = []
        for kind in subject.kinds:
            count, numbers = spread(subject, kind, 10**6 if (subject.command[0], kind) in ALL else most)
            assert count, f"{subject.process}: {kind} is never met"
            for nth in numbers:
                found = subject.attempt(shortages.Shortage(kind, nth))[1]
                wrong += [found] if found else []
            said.append(f"{kind} {len(numbers)} of {count}")
        say(f"shortages: {subject.process} {' '.join(subject.command[-2:] if subject.process != 'collector' else [])}: {', '.join(said)}")
    assert not wrong, "\n".join(wrong)


def test_no_memory_for_names(build, tmp_path):
    """Names that there is no memory for are not left out without a word."""
    wrong = []
    for subject in shortages.subjects(build, tmp_path):
        if subject.process == "trace-report" and subject.command in (["top"], ["tree"], ["summary", "--json"]):
            unlike, found = subject.each("malloc", max(1, subject.count("malloc") - LAST))
            assert len(unlike) < LAST // 4, f"{len(unlike)} of {LAST} do not end the report"
            wrong += [found] + [subject.attempt(shortages.Shortage("malloc", nth))[1] for nth in unlike]
    assert not any(wrong), "\n".join(filter(None, wrong))
