/* type_boxes.c - see type_boxes.h. */
#include "type_boxes.h"

#include <stdlib.h>
#include <string.h>

int type_boxes_off;

/* A place for the type, and a frame of that place alone. Returns the frame. */
static uint32_t frame_of_type(struct profile *p, const char *type)
{
    struct profile_place *place = profile_grow(&p->places, &p->place_count, sizeof *place);
    struct profile_frame *frame = profile_grow(&p->frames, &p->frame_count, sizeof *frame);
    uint32_t *first = profile_grow(&p->frame_places, &p->frame_place_count, sizeof *first);

    *place = (struct profile_place){
        .number = INT64_MAX, .function = strdup(type), .module = strdup(""), .language = strdup(TYPE_BOX)};
    *first = (uint32_t)(p->place_count - 1);
    frame->number = INT64_MAX;
    frame->first = (uint32_t)(p->frame_place_count - 1);
    frame->count = 1;
    return (uint32_t)(p->frame_count - 1);
}

static void add_box(struct profile *p, uint32_t node, uint32_t *frames)
{
    uint32_t type = p->nodes[node].type;

    if (frames[type] == PROFILE_NONE)
        frames[type] = frame_of_type(p, p->types.text[type]);
    struct profile_node *box = profile_grow(&p->nodes, &p->node_count, sizeof *box);

    *box = (struct profile_node){
        .number = INT64_MAX, .parent = node, .frame = frames[type], .type = type, .how = p->nodes[node].how};
    p->nodes[node].box = (uint32_t)(p->node_count - 1);
}

void type_boxes_add(struct profile *p)
{
    uint32_t *frames = malloc(p->types.count * sizeof *frames);

    for (size_t i = 0; i < p->types.count; i++)
        frames[i] = PROFILE_NONE;
    for (size_t i = 0; !type_boxes_off && i < p->site_count; i++) {
        uint32_t node = p->sites[i].node;

        if (p->nodes[node].type == 0)
            continue;
        if (p->nodes[node].box == 0)
            add_box(p, node, frames);
        p->sites[i].node = p->nodes[node].box;
    }
    free(frames);
}

uint32_t type_boxes_node(const struct profile *p, uint32_t node)
{
    return p->nodes[node].box != 0 ? p->nodes[node].box : node;
}
