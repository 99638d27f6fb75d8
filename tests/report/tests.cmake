# Databases without a traced program, and the reports on them.
add_executable(make_db ${CMAKE_CURRENT_LIST_DIR}/make_db.c)
target_link_libraries(make_db PRIVATE store)
