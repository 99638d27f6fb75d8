/* interpreter.c - see interpreter.h. */
#include "interpreter.h"
#include "guest.h"
#include "exports.h"
#include "modules.h"

#include <stdatomic.h>
#include <string.h>

struct python_interpreter python;
bool python_active;
_Atomic bool interpreter_claimed;

/* Parses "3.8.18 (default, ...": up to 3.10 the version is only available as text. */
static uint64_t version_from_text(const char *text)
{
    uint64_t parts[3] = {0};
    for (int i = 0; i < 3; i++) {
        parts[i] = guest_number(text, &text);
        if (*text != '.')
            break;
        text++;
    }
    return parts[0] << 24 | parts[1] << 16 | parts[2] << 8;
}

static uint64_t version(void)
{
    const unsigned long *number = exports_find("Py_Version", NULL);
    if (number)
        return *number;
    const char *(*text)(void) = (const char *(*)(void))exports_find("Py_GetVersion", NULL);
    return text ? version_from_text(text()) : 0;
}

static bool complete(const struct python_interpreter *found)
{
    return found->current_thread && found->own_thread && found->get_allocator && found->set_allocator &&
           found->code_type && found->string_type && found->bytes_type;
}

/* False if the process has no interpreter at all. */
static bool fill(struct python_interpreter *found, const char **trouble)
{
    found->set_allocator =
        (void (*)(enum python_domain, struct python_allocator *))exports_find("PyMem_SetAllocator", NULL);
    if (!found->set_allocator) {
        if (exports_find("PyPyMem_RawMalloc", NULL))
            *trouble = "it is PyPy";
        else if (exports_find("Py_GetVersion", NULL))
            *trouble = "its version is not known";
        return *trouble != NULL;
    }
    found->get_allocator =
        (void (*)(enum python_domain, struct python_allocator *))exports_find("PyMem_GetAllocator", NULL);
    found->runtime = exports_find("_PyRuntime", &found->runtime_size);
    *trouble = python_layout_find(&found->layout, version(), found->runtime);
    if (*trouble)
        return true;
    const char *current = found->layout.version >= PYTHON_VERSION(3, 13) ? "PyThreadState_GetUnchecked"
                                                                         : "_PyThreadState_UncheckedGet";
    found->current_thread = (void *(*)(void))exports_find(current, NULL);
    found->own_thread = (void *(*)(void))exports_find("PyGILState_GetThisThreadState", NULL);
    found->set_tracer = (int (*)(python_tracer *, void *))exports_find("PyRefTracer_SetTracer", NULL);
    found->get_tracer = (python_tracer * (*)(void **)) exports_find("PyRefTracer_GetTracer", NULL);
    found->add_pending_call = (int (*)(int (*)(void *), void *))exports_find("Py_AddPendingCall", NULL);
    found->is_initialized = (int (*)(void))exports_find("Py_IsInitialized", NULL);
    const char *finalizing =
        found->layout.version >= PYTHON_VERSION(3, 13) ? "Py_IsFinalizing" : "_Py_IsFinalizing";
    found->is_finalizing = (int (*)(void))exports_find(finalizing, NULL);
    found->code_type = exports_find("PyCode_Type", NULL);
    found->string_type = exports_find("PyUnicode_Type", NULL);
    found->bytes_type = exports_find("PyBytes_Type", NULL);
    found->type_type = exports_find("PyType_Type", NULL);
    found->main_interpreter = (void *(*)(void))exports_find("PyInterpreterState_Main", NULL);
    found->interpreter_id = (int64_t(*)(void *))exports_find("PyInterpreterState_GetID", NULL);
    found->eval = exports_find("_PyEval_EvalFrameDefault", &found->eval_size);
    exports_segment((const void *)found->set_allocator, &found->text, &found->text_size);
    if (!complete(found))
        *trouble = "it does not export what is needed";
    return true;
}

bool interpreter_find(void)
{
    static _Atomic int state;       /* 0 none found, 1 a thread is looking, 2 found, 3 found but not usable */
    static _Atomic uint32_t looked; /* the modules_version() without an interpreter */
    uint32_t version = modules_version();
    if (atomic_load(&state) == 0 && atomic_load(&looked) == version)
        return false;
    int none = 0;
    if (!atomic_compare_exchange_strong(&state, &none, 1))
        return none == 2;
    struct python_interpreter found;
    const char *trouble = NULL;
    memset(&found, 0, sizeof found);
    if (!fill(&found, &trouble)) {
        atomic_store(&looked, version);
        atomic_store(&state, 0);
        return false;
    }
    if (trouble) {
        guest_say("Python is traced natively, its lines are not, because ", trouble);
        atomic_store(&state, 3);
        return false;
    }
    python = found;
    atomic_store(&state, 2);
    return true;
}
