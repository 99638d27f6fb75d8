/* extension.c - what C extensions do, for kinds.py: loaded by any CPython, with the GIL held. */
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

/* Of CPython's stable interface. */
extern void *PyEval_SaveThread(void);
extern void PyEval_RestoreThread(void *state);
extern void *PyMem_RawMalloc(size_t size);
extern void PyMem_RawFree(void *block);
/* Since 3.13. */
typedef int tracer(void *object, int event, void *data);
extern int PyRefTracer_SetTracer(tracer *tracer, void *data) __attribute__((weak));
extern tracer *PyRefTracer_GetTracer(void **data) __attribute__((weak));

void call(void (*callback)(void));
void call_from_thread(void (*callback)(void));
void allocate_released(size_t size);
void allocate_raw(size_t size);
int watch_objects(void (*callback)(void));
int watched_late(void);

static void *volatile kept; /* so that no block is optimised away */

void call(void (*callback)(void))
{
    callback();
}

static void *start(void *argument)
{
    void (**callback)(void) = argument;
    (*callback)();
    return NULL;
}

void call_from_thread(void (*callback)(void))
{
    void *state = PyEval_SaveThread();
    pthread_t thread;
    if (pthread_create(&thread, NULL, start, &callback) == 0)
        pthread_join(thread, NULL);
    PyEval_RestoreThread(state);
}

void allocate_released(size_t size)
{
    void *state = PyEval_SaveThread();
    kept = malloc(size);
    free(kept);
    PyEval_RestoreThread(state);
}

void allocate_raw(size_t size)
{
    kept = PyMem_RawMalloc(size);
    PyMem_RawFree(kept);
}

static struct {
    int events, late;
    bool over;
} watched;

static int watch(void *object, int event, void *data)
{
    (void)object, (void)event, (void)data;
    watched.events++;
    watched.late += watched.over;
    return 0;
}

/* Sees objects come and go for as long as the callback takes, and puts back who saw them before: the number
 * of events, -1 where there is no such thing. */
int watch_objects(void (*callback)(void))
{
    void *data;
    if (!PyRefTracer_SetTracer)
        return -1;
    tracer *before = PyRefTracer_GetTracer(&data);
    PyRefTracer_SetTracer(watch, &watched);
    callback();
    PyRefTracer_SetTracer(before, data);
    watched.over = true;
    return watched.events;
}

/* Events that came after that. */
int watched_late(void)
{
    return watched.late;
}
