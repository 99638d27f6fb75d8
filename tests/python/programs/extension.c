/* extension.c - what C extensions do, for kinds.py: loaded by any CPython, with the GIL held. */
#include <pthread.h>
#include <stdlib.h>

/* Of CPython's stable interface. */
extern void *PyEval_SaveThread(void);
extern void PyEval_RestoreThread(void *state);
extern void *PyMem_RawMalloc(size_t size);
extern void PyMem_RawFree(void *block);

void call(void (*callback)(void));
void call_from_thread(void (*callback)(void));
void allocate_released(size_t size);
void allocate_raw(size_t size);

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
