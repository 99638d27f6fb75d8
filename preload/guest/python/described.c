/* described.c - see described.h. */
#include "described.h"
#include "codes.h"
#include "hybrid.h"
#include "interpreter.h"
#include "objects.h"

void python_describe_again(void)
{
    interpreter_release();
    if (!python_active)
        return;
    codes_forked();
    hybrid_forked();
    objects_forget();
}
