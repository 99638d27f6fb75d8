/* writer_private.h - what the files of the writer's thread share: writer.c, and page_writer.c. */
#ifndef LIBTRACE_WRITER_PRIVATE_H
#define LIBTRACE_WRITER_PRIVATE_H

#include "intern.h"
#include "site_rows.h"
#include "writer.h"

#include <pthread.h>

struct writer {
    struct arena *arena;
    const char *database; /* absolute path */
    struct files *files;
    struct store_bounds bounds; /* {0} = none */
    struct store *store;
    struct intern intern;
    struct grow processes; /* struct intern_process by index */
    /* uint32_t by the site's index in the ledger: the run's node + 1, 0 = not known yet */
    struct grow site_nodes;
    struct grow mapped_nodes; /* likewise, of mappings */
    int64_t run;
    pthread_t thread;
    /* Under the lock: */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    enum writer_state state;
    struct job *job; /* being written; NULL = idle */
    bool ending;
    bool wants_more; /* set by the thread while it has a job */
    uint64_t cost_ns;
    char error[512];
    /* The thread's own: */
    bool begun;        /* the run's row is there */
    uint32_t named_by; /* index of the process whose label it has */
    int failed; /* the first failure, a negative error code: nothing more is written; 0 = all is well */
};

/* Of a result that is less than 0: nothing more is written. */
void writer_check(struct writer *w, int result);

/* What is known of a process; a slot is needed the first time only. NULL = out of memory. */
struct intern_process *writer_process(struct writer *w, uint32_t index, struct arena_slot *slot);

/* The run's node of a site (nodes: w->site_nodes; w->mapped_nodes for those of mappings). It is remembered: a site may
 * have to be written again, as its part in a new peak changes, when its process is long gone and nothing of it is in
 * the arena any more. */
uint32_t writer_node(struct writer *w, struct grow *nodes, uint32_t index, uint32_t process, uint32_t raw);

/* As the database knows a site: processes are numbered from 1 on there. */
static inline struct site_key writer_key(uint32_t node, uint32_t process, uint32_t thread)
{
    return (struct site_key){.node = node, .process = process + 1ll, .thread = thread};
}

/* Of a job: what programs map by themselves, and what of them is resident. */
void writer_mapped(struct writer *w, struct job *job);
void writer_pages(struct writer *w, const struct job *job);

/* Of a job: the names of the classes of objects, while no transaction is open; and what the looks at blocks say. */
void writer_name_objects(struct writer *w, const struct job *job);
void writer_objects(struct writer *w, const struct job *job);

/* What looks at the contents of blocks found. */
void writer_contents(struct writer *w, const struct job *job);

#endif
