/* write_sites.c - rows of stacks' nodes and of sites: the caller hands them over one by one, and one statement inserts
 * them all (see feed.c). */
#include "store_private.h"

static void feed_number(struct feed *feed, int column, int64_t number)
{
    feed->value[column].kind = FEED_NUMBER;
    feed->value[column].number = number;
}

static void feed_known(struct feed *feed, int column, int64_t number)
{
    feed_number(feed, column, number);
    if (number == 0)
        feed->value[column].kind = FEED_NULL;
}

static void feed_blob(struct feed *feed, int column, const void *blob, size_t size)
{
    feed->value[column].kind = blob != NULL ? FEED_BLOB : FEED_NULL;
    feed->value[column].number = (int64_t)size;
    feed->value[column].blob = blob;
}

struct node_feed {
    struct feed feed; /* must be first */
    int (*next)(void *data, struct store_node *node);
    void *data;
};

static int next_node(struct feed *feed)
{
    struct node_feed *nodes = (struct node_feed *)feed;
    struct store_node node;

    if (!nodes->next(nodes->data, &node))
        return 0;
    feed_number(feed, 1, node.id);
    feed_number(feed, 2, node.parent);
    feed_number(feed, 3, node.frame);
    return 1;
}

int store_nodes(struct store *store, int (*next)(void *data, struct store_node *node), void *data)
{
    struct node_feed nodes = {{.next = next_node, .width = 4}, next, data};

    feed_number(&nodes.feed, 0, store->run);
    return store_feed_run(store, STORE_NODE, &nodes.feed);
}

struct site_feed {
    struct feed feed; /* must be first */
    int (*next)(void *data, struct store_site *site);
    void *data;
};

static int next_site(struct feed *feed)
{
    struct site_feed *sites = (struct site_feed *)feed;
    struct store_site site;
    int column = 1;

    if (!sites->next(sites->data, &site))
        return 0;
    for (unsigned i = 0; i < SITE_KEY_MEMBERS; i++)
        feed_number(feed, column++, site_key_values(&site.key)[i]);
    feed_known(feed, column++, site.line);
    feed_known(feed, column++, site.leaf);
    feed_number(feed, column++, site.smallest);
    feed_number(feed, column++, site.largest);
    feed_blob(feed, column++, site.sizes, site.sizes_size);
    feed_blob(feed, column++, site.lifetimes, site.lifetimes_size);
    for (int i = 0; i < MEASURES; i++)
        feed_number(feed, column++, measure_value(&site.m, i));
    return 1;
}

static int feed_sites(struct store *store, enum store_statement which,
                      int (*next)(void *data, struct store_site *site), void *data)
{
    struct site_feed sites = {{.next = next_site, .width = FEED_COLUMNS}, next, data};

    feed_number(&sites.feed, 0, store->run);
    return store_feed_run(store, which, &sites.feed);
}

int store_sites(struct store *store, int (*next)(void *data, struct store_site *site), void *data)
{
    return feed_sites(store, STORE_SITE, next, data);
}

int store_mapped_sites(struct store *store, int (*next)(void *data, struct store_site *site), void *data)
{
    int code = store_is_first(store, STORE_MAPPED_SITE) ? store_pages_make(store) : 0;

    return code == 0 ? feed_sites(store, STORE_MAPPED_SITE, next, data) : code;
}

/* Returns the one node the first time, then none. */
static int only_node(void *data, struct store_node *node)
{
    const struct store_node **left = data;

    if (*left == NULL)
        return 0;
    *node = **left;
    *left = NULL;
    return 1;
}

int store_node(struct store *store, int64_t id, int64_t parent, int64_t frame)
{
    const struct store_node node = {id, parent, frame}, *left = &node;

    return store_nodes(store, only_node, &left);
}

static int only_site(void *data, struct store_site *site)
{
    const struct store_site **left = data;

    if (*left == NULL)
        return 0;
    *site = **left;
    *left = NULL;
    return 1;
}

int store_site(struct store *store, const struct store_site *site)
{
    return store_sites(store, only_site, &site);
}
