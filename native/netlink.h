// One rtnetlink socket: building requests, sending them, reading the acknowledgement.
#ifndef NOCHER_NETLINK_H
#define NOCHER_NETLINK_H

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <stdint.h>

struct netlink_request {
  _Alignas(8) unsigned char bytes[1024];
};

// A socket in the calling thread's network namespace.
int netlink_open(void);
// Starts a request with a fixed header of `size` bytes behind nlmsghdr.
void netlink_begin(struct netlink_request *request, uint16_t type, uint16_t flags, const void *header, size_t size);
void netlink_put(struct netlink_request *request, uint16_t type, const void *data, size_t length);
void netlink_put_text(struct netlink_request *request, uint16_t type, const char *text);
void netlink_put_u32(struct netlink_request *request, uint16_t type, uint32_t value);
// Raw bytes without an attribute header (the ifinfomsg inside VETH_INFO_PEER).
void netlink_put_raw(struct netlink_request *request, const void *data, size_t length);
// Opens a nested attribute; give the result to netlink_end.
size_t netlink_nest(struct netlink_request *request, uint16_t type);
void netlink_end(struct netlink_request *request, size_t nest);
// Sends and waits for the acknowledgement: 0, or -1 with errno.
int netlink_send(int fd, struct netlink_request *request);
// Index of a link in the socket's namespace, or -1. `mac` (6 bytes) may be NULL.
int netlink_find_link(int fd, const char *name, unsigned char *mac);
#endif
