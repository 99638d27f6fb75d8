/* open_page.h - a page that was written, in the reader's browser. */
#ifndef LIBTRACE_HTML_OPEN_PAGE_H
#define LIBTRACE_HTML_OPEN_PAGE_H

/* With what BROWSER names (several, with colons between; %s is the file), else xdg-open and the like. False where nothing
 * is there that opens it. What it prints is seen; on a desktop it is not waited for, else it may need the terminal. */
int open_page(const char *path);

#endif
