/* settings.h - reads the settings (process.h) from the environment. */
#ifndef LIBTRACE_SETTINGS_H
#define LIBTRACE_SETTINGS_H

void settings_read(void);

#endif
