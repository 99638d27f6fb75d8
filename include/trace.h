/* trace.h - lets a program tell libtrace about itself. It needs nothing at run time: in a program that is not traced,
 * every function here does nothing, so that the calls can stay in.
 *
 *     #include <trace.h>            cc program.c $(pkg-config --cflags --libs libtrace)
 *
 *     load(table);
 *     trace_mark("loaded");         compare run@loaded run@served, top --from loaded
 *     serve(table);
 *
 * libtrace.so is not linked against: it exports the libtrace_* functions, and the references to them here are
 * weak, that is, NULL if it was not preloaded. (In a program built with -no-pie they are always NULL, as the linker
 * decides it there. Position-independent programs, the compilers' default, are fine.) For Python there is libtrace.py.
 *
 * All functions are thread-safe, keep errno, and allocate nothing. They can be used from C99 and C++98 on.
 */
#ifndef LIBTRACE_TRACE_H
#define LIBTRACE_TRACE_H

#ifdef __cplusplus
extern "C" {
#endif

extern void libtrace_mark(const char *name) __attribute__((weak));
extern void libtrace_pause(void) __attribute__((weak));
extern void libtrace_resume(void) __attribute__((weak));
extern void libtrace_snapshot(const char *name) __attribute__((weak));

/* Names this moment of the run, for the whole process. name: UTF-8, copied; longer than 200 bytes is cut. */
static inline void trace_mark(const char *name)
{
    if (libtrace_mark)
        libtrace_mark(name);
}

/* From here on the calling thread's allocations are not counted; frees of counted blocks still are. Calls
 * nest: as many resumes as pauses count again. */
static inline void trace_pause(void)
{
    if (libtrace_pause)
        libtrace_pause();
}

/* Undoes one trace_pause of the calling thread; without one it does nothing. */
static inline void trace_resume(void)
{
    if (libtrace_resume)
        libtrace_resume();
}

/* As trace_mark, and also records what every site holds live at this moment. */
static inline void trace_snapshot(const char *name)
{
    if (libtrace_snapshot)
        libtrace_snapshot(name);
}

#ifdef __cplusplus
}
#endif

#endif
