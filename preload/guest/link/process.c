/* process.c - see process.h. */
#include "process.h"

struct settings settings;
struct wire_process *process;
uint32_t attach_generation;
_Atomic enum tracing tracing;
char *exported_session;
