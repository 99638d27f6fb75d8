# A short run of scripts/test-transparent.
libtrace_pytest(transparent ${CMAKE_CURRENT_LIST_DIR}/test_transparent.py)
