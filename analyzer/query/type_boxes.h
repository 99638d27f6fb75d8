/* type_boxes.h - what blocks are, as the innermost frame of the stacks that allocated them: for trees. */
#ifndef LIBTRACE_QUERY_TYPE_BOXES_H
#define LIBTRACE_QUERY_TYPE_BOXES_H

#include "profile.h"

/* The language of such a place; its function is the type's name. */
#define TYPE_BOX "type"

/* --no-types: trees end at the functions that allocate. */
extern int type_boxes_off;
#define TYPE_BOXES_OPTION                                                 \
    {                                                                     \
        "no-types", OPTION_FLAG, &type_boxes_off, NULL,                   \
            "do not show what blocks are below what allocates them", NULL \
    }

/* Gives each site whose type is known a node of its own for it, below the one that it had: to be called before
 * fold_frames(). Nodes of the run keep their index. */
void type_boxes_add(struct profile *profile);

/* The node to which a site of that node was moved, or the same one. */
uint32_t type_boxes_node(const struct profile *profile, uint32_t node);

#endif
