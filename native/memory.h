// Memory that never fails (the process ends with 71 when there is none) and a growable byte buffer.
#ifndef NOCHER_MEMORY_H
#define NOCHER_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

// Zeroed memory.
void *allocate(size_t count, size_t size);
char *copy_string(const char *text);
__attribute__((format(printf, 1, 2))) char *format_string(const char *format, ...);

// NULL-terminated, owned list of strings.
struct strings {
  char **items;
  size_t count;
};
void strings_add(struct strings *list, const char *text);
// Takes ownership of `text`.
void strings_take(struct strings *list, char *text);
void strings_free(struct strings *list);

struct buffer {
  char *data;
  size_t length;
  size_t capacity;
};
void buffer_append(struct buffer *buffer, const void *bytes, size_t length);
void buffer_text(struct buffer *buffer, const char *text);
// Makes room for `length` more bytes and returns where they go; the caller adds to `length` what it wrote.
char *buffer_reserve(struct buffer *buffer, size_t length);
// Drops bytes from the front.
void buffer_consume(struct buffer *buffer, size_t length);
void buffer_free(struct buffer *buffer);
#endif
