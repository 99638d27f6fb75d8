/* eval.h - the interpreter's function that runs bytecode, all parts of it. */
#ifndef LIBTRACE_PYTHON_EVAL_H
#define LIBTRACE_PYTHON_EVAL_H

#include <stdbool.h>
#include <stdint.h>

/* True if pc lies in _PyEval_EvalFrameDefault. */
bool eval_holds(uintptr_t pc);

#endif
