# Advice on programs with known faults, and on some without.
libtrace_pytest(advise ${CMAKE_CURRENT_LIST_DIR}/test_advise.py)
set_tests_properties(advise PROPERTIES TIMEOUT 1200)
