"""If an allocation fails in the collector or in trace-report, or SQLite cannot read, write, sync or lock a file, or the machine
stops: the program does not notice, the database is sound and not called complete if it is not, and one line says what is lost.

A spread sample of each kind; scripts/test-failures tries all.
"""

import shortages

COLLECTOR_MOST = 10  # of each kind
REPORT_MOST = 4


def spread(subject, kind, most):
    count = subject.count(kind)
    return count, sorted({1 + i * max(0, count - 1) // (most - 1) for i in range(most)}) if count else []


def test_shortages(build, tmp_path, say):
    wrong = []
    for subject in shortages.subjects(build, tmp_path):
        most = COLLECTOR_MOST if subject.process == "collector" else REPORT_MOST
        said = []
        for kind in subject.kinds:
            count, numbers = spread(subject, kind, most)
            for nth in numbers:
                found = subject.attempt(shortages.Shortage(kind, nth))[1]
                wrong += [found] if found else []
            said.append(f"{kind} {len(numbers)} of {count}")
        say(f"shortages: {subject.process} {' '.join(subject.command[-2:] if subject.process != 'collector' else [])}: {', '.join(said)}")
    assert not wrong, "\n".join(wrong)
