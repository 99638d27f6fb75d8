/* html.c - trace-report html */
#include "report.h"

int command_html(struct report *report, int argc, char **argv)
{
    (void)argc, (void)argv;
    return report_error(report, EXIT_FAILED, "not built");
}
