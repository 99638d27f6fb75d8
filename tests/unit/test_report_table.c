/* test_report_table.c - whichever allocation fails, libsmartcols's own included, a table is printed whole or not at all. */
#include "each_allocation.h"
#include "table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* after the headers that it needs */
#include <cmocka.h>

/* The names of some columns are parts of others', as in most reports. */
static void print(const struct report *report)
{
    static const char *const names[] = {"PEAK", "%", "LIVE", "OWN PEAK", "LINE", "FUNCTION"};
    struct table *table = table_new(report);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        table_column(table, names[i], i < 4 ? TABLE_RIGHT : i == 4 ? TABLE_PATH : TABLE_NAME);
    for (int row = 0; row < 3; row++) {
        table_row(table, NULL);
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            table_cell(table, i < 4 ? "1,000" : "a text of some length");
    }
    table_print(table);
    table_free(table);
}

static void to_a_file(void **state)
{
    (void)state;
    assert_true(each_allocation(&(struct report){.command = "top"}, print) > 50);
}

static void on_a_terminal(void **state)
{
    (void)state;
    assert_true(each_allocation(&(struct report){.command = "top", .width = 60}, print) > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(to_a_file), cmocka_unit_test(on_a_terminal)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
