// Runs this program's commands for a caller that is too large to fork often (README.md, section 9).
#ifndef NOCHER_SPAWNER_H
#define NOCHER_SPAWNER_H

// Serves requests from standard input until it ends.
int spawner_main(void);
#endif
