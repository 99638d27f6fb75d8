/* open_page.h - opens a page that was written in the user's browser. */
#ifndef LIBTRACE_HTML_OPEN_PAGE_H
#define LIBTRACE_HTML_OPEN_PAGE_H

/* Uses the commands in BROWSER (separated by colons; %s is the file), else xdg-open and the like. False if
 * none of them could open the page. Their output is not hidden. On a desktop this does not wait for them;
 * without one it does, as they may need the terminal. */
int open_page(const char *path);

#endif
