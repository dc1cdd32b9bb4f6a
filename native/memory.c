// Memory that never fails and a growable byte buffer.
#include "memory.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static void *checked(void *memory) {
  if (memory == NULL) _exit(EX_OSERR);
  return memory;
}

void *allocate(size_t count, size_t size) { return checked(calloc(count == 0 ? 1 : count, size == 0 ? 1 : size)); }

char *copy_string(const char *text) { return checked(strdup(text)); }

char *format_string(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  char *text = NULL;
  if (vasprintf(&text, format, arguments) < 0) _exit(EX_OSERR);
  va_end(arguments);
  return text;
}

void strings_take(struct strings *list, char *text) {
  list->items = checked(realloc(list->items, (list->count + 2) * sizeof *list->items));
  list->items[list->count++] = text;
  list->items[list->count] = NULL;
}

void strings_add(struct strings *list, const char *text) { strings_take(list, copy_string(text)); }

void strings_free(struct strings *list) {
  for (size_t i = 0; i < list->count; i++) free(list->items[i]);
  free(list->items);
  *list = (struct strings){0};
}

char *buffer_reserve(struct buffer *buffer, size_t length) {
  if (length > SIZE_MAX / 4 || buffer->length > SIZE_MAX / 4) _exit(EX_OSERR);
  size_t wanted = buffer->length + length;
  if (wanted > buffer->capacity) {
    size_t capacity = buffer->capacity == 0 ? 256 : buffer->capacity;
    while (capacity < wanted) capacity *= 2;
    buffer->data = checked(realloc(buffer->data, capacity));
    buffer->capacity = capacity;
  }
  return buffer->data + buffer->length;
}

void buffer_append(struct buffer *buffer, const void *bytes, size_t length) {
  if (length == 0) return;
  memcpy(buffer_reserve(buffer, length), bytes, length);
  buffer->length += length;
}

void buffer_text(struct buffer *buffer, const char *text) { buffer_append(buffer, text, strlen(text)); }

void buffer_consume(struct buffer *buffer, size_t length) {
  if (length >= buffer->length) {
    // A burst must not keep its memory for the pod's whole life.
    if (buffer->capacity > 65536) buffer_free(buffer);
    buffer->length = 0;
    return;
  }
  memmove(buffer->data, buffer->data + length, buffer->length - length);
  buffer->length -= length;
}

void buffer_free(struct buffer *buffer) {
  free(buffer->data);
  *buffer = (struct buffer){0};
}
