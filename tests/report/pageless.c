/* pageless.c - in place of the page: what bundle.cmake makes where it cannot make one. */
extern const char html_page[], html_page_missing[];
const char html_page[] = "";
const char html_page_missing[] = "node was not found, 100 % sure. Run: this";
