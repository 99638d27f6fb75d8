# Advice on programs with known faults, and on some without.
libtrace_pytest(advise ${CMAKE_CURRENT_LIST_DIR}/test_advise.py)
libtrace_pytest(advise.values ${CMAKE_CURRENT_LIST_DIR}/test_python_values.py)
libtrace_pytest(advise.findings ${CMAKE_CURRENT_LIST_DIR}/test_findings.py)
set_tests_properties(advise PROPERTIES TIMEOUT 1200)
