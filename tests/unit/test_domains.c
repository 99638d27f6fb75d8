/* test_domains.c - our allocators are put in front of the interpreter's exactly once, even if two threads try
 * at the same time.
 *
 * The interpreter is a fake with two tables of functions. While one thread reads its allocators, another one
 * finds the interpreter, too.
 */
#include "domains.h"
#include "codes.h"
#include "finalize.h"
#include "first.h"
#include "sampled.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* ---- stubs for what domains.c needs ----------------------------------------------------------------- */

struct settings settings;
struct python_interpreter python;
_Atomic bool interpreter_claimed;
struct thread thread_nobody = {.busy = UINTPTR_MAX};
__thread struct thread *thread_self __attribute__((tls_model("initial-exec"))) = &thread_nobody;
union gate_page gate_page;
struct wire_arena *arena;
struct wire_process *process;
bool record_plain;
_Atomic enum tracing tracing;
uint32_t sampler_interval; /* 0: none of the others is called */
__thread struct sampler *sampler_self __attribute__((tls_model("initial-exec")));
_Atomic uint8_t sample_filter[SAMPLE_SETS];
bool sampler_takes(size_t size)
{
    (void)size;
    return false;
}
void sampler_rest(void) {}
void sampler_says_own(void) {}
bool sampled_live_slow(const void *frame)
{
    (void)frame;
    return false;
}
void *memory_malloc_pooled(void *context, size_t size)
{
    (void)context, (void)size;
    return NULL;
}
void *object_malloc_pooled(void *context, size_t size)
{
    (void)context, (void)size;
    return NULL;
}
void memory_free_pooled(void *context, void *block)
{
    (void)context, (void)block;
}
void object_free_pooled(void *context, void *block)
{
    (void)context, (void)block;
}
void sampler_undo_taken(size_t size)
{
    (void)size;
}
void sampler_hold(void) {}
bool sampler_held(void)
{
    return false;
}
void sample_set_add(const void *block)
{
    (void)block;
}
bool sample_set_take(const void *block)
{
    (void)block;
    return false;
}
struct thread *sampled_look(struct thread *t, const void *frame)
{
    (void)frame;
    return t;
}
static python_tracer *nobody;
python_tracer *const *recycle_hook = &nobody;

struct thread *thread_enter_slow(const void *frame)
{
    (void)frame;
    return NULL;
}
bool thread_wait(struct thread *t)
{
    (void)t;
    return false;
}
static const uint64_t not_set;
const uint64_t *_Atomic finalize_flag = &not_set;
void finalize_seen(struct thread *t)
{
    (void)t;
}
uint64_t ring_begin_slow(struct thread *t, uint64_t word)
{
    (void)t;
    return word;
}
void recycle_start(void) {}
int recycle_event(void *object, int event, void *data)
{
    (void)object, (void)event, (void)data;
    return 0;
}
const struct objects_guess objects_nothing;
struct objects_gil objects_main;
bool objects_on, objects_several;
struct objects_gil *objects_gil_slow(const void *state)
{
    (void)state;
    return NULL;
}
void objects_gone(const void *block)
{
    (void)block;
}
void objects_miss(const void *state)
{
    (void)state;
}
void objects_look_slow(struct thread *t, struct objects_gil *gil, uintptr_t freed)
{
    (void)t, (void)gil, (void)freed;
}
void objects_put_slow(struct thread *t, struct objects_gil *gil, void *block, size_t size, uint32_t stack,
                      uintptr_t call)
{
    (void)t, (void)gil, (void)block, (void)size, (void)stack, (void)call;
}
uint32_t objects_node_slow(struct objects_gil *gil, uint32_t stack, uintptr_t type)
{
    (void)gil, (void)type;
    return stack;
}
uint32_t objects_memory_slow(struct objects_gil *gil, uint32_t stack, uintptr_t call)
{
    (void)gil, (void)call;
    return stack;
}
uintptr_t objects_resized(struct objects_gil *gil, uintptr_t block)
{
    (void)gil, (void)block;
    return 0;
}
void objects_start(void) {}
void codes_died(uintptr_t code)
{
    (void)code;
}
uint32_t record_stack_slow(struct thread *t, const void *frame)
{
    (void)t, (void)frame;
    return 0;
}
uint32_t frames_node(struct python_thread *t, uintptr_t state)
{
    (void)t, (void)state;
    return 0;
}
struct python_known *frames_known_38(struct python_thread *t, uintptr_t state)
{
    static struct python_known nothing;
    (void)t, (void)state;
    return &nothing;
}
struct python_known *frames_known_311(struct python_thread *t, uintptr_t state)
{
    return frames_known_38(t, state);
}
struct python_known *frames_known_312(struct python_thread *t, uintptr_t state)
{
    return frames_known_38(t, state);
}
struct python_known *frames_known_313(struct python_thread *t, uintptr_t state)
{
    return frames_known_38(t, state);
}
struct python_thread *python_thread_new(struct thread *t)
{
    (void)t;
    return NULL;
}

/* ---- the interpreter ------------------------------------------------------------------------------- */

static struct python_allocator table[3];
static int asked, other_at;
static char blocks[16];

static void *theirs(void *context, size_t size)
{
    (void)context, (void)size;
    return blocks;
}

static void *other_thread(void *unused)
{
    domains_take();
    return unused;
}

static void get_allocator(enum python_domain domain, struct python_allocator *allocator)
{
    *allocator = table[domain];
    if (++asked == other_at) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, other_thread, NULL), 0);
        pthread_join(thread, NULL);
    }
}

static void set_allocator(enum python_domain domain, struct python_allocator *allocator)
{
    table[domain] = *allocator;
}

static void check(void)
{
    for (enum python_domain domain = PYTHON_MEMORY; domain <= PYTHON_OBJECT; domain++) {
        assert_ptr_not_equal((void *)(uintptr_t)table[domain].malloc, (void *)(uintptr_t)theirs);
        const struct python_allocator *below = table[domain].context;
        assert_ptr_equal((void *)(uintptr_t)below->malloc, (void *)(uintptr_t)theirs);
        assert_ptr_equal(table[domain].malloc(table[domain].context, 1), blocks);
    }
}

/* The second thread comes at every possible moment. Afterwards the interpreter is restored for the next
 * round. */
static void test_two_at_once(void **unused)
{
    (void)unused;
    python.get_allocator = get_allocator;
    python.set_allocator = set_allocator;
    int questions = 1;
    for (other_at = 0; other_at <= questions; other_at++) {
        table[PYTHON_MEMORY] = table[PYTHON_OBJECT] = (struct python_allocator){.malloc = theirs};
        asked = 0;
        domains_take();
        questions = other_at ? questions : asked;
        check();
    }
}

/* A process is forked while another thread is installing the allocators: the child starts over. */
static void test_forked_in_the_midst(void **unused)
{
    (void)unused;
    other_at = 0;
    domains_take();
    table[PYTHON_MEMORY] = (struct python_allocator){.malloc = theirs};
    interpreter_release();
    domains_take();
    check();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_at_once),
        cmocka_unit_test(test_forked_in_the_midst),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
