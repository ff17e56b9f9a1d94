// SPDX-License-Identifier: GPL-2.0
#include "system/taskstats.h"

#include <errno.h>
#include <linux/taskstats.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

struct delay_source {
	struct nl_sock *socket;
	int family;
};

DEFINE_CLEANUP(struct nl_msg *, nlmsg_free);

/* The errno of an error of libnl, as far as a caller here tells them apart. */
static int from_nl_error(int error)
{
	switch (-error) {
	case NLE_NOMEM:
		return -ENOMEM;
	case NLE_PERM:
		return -EPERM;
	case NLE_NOACCESS:
		return -EACCES;
	case NLE_OBJ_NOTFOUND:
		return -ENOENT;
	case NLE_AF_NOSUPPORT:
		return -EAFNOSUPPORT;
	case NLE_AGAIN:
		return -EAGAIN;
	default:
		return -EIO;
	}
}

int taskstats_open(struct delay_source **ret)
{
	_cleanup_(taskstats_closep) struct delay_source *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	t->socket = nl_socket_alloc();
	if (!t->socket)
		return -ENOMEM;
	r = genl_connect(t->socket);
	if (r >= 0)
		r = t->family = genl_ctrl_resolve(t->socket, TASKSTATS_GENL_NAME);
	/* Else each request had two answers, and the second would be taken for the next reply. */
	nl_socket_disable_auto_ack(t->socket);
	if (r >= 0)
		r = nl_socket_set_nonblocking(t->socket);
	if (r < 0)
		return from_nl_error(r);
	*ret = TAKE_PTR(t);
	return 0;
}

void taskstats_close(struct delay_source *t)
{
	if (!t)
		return;
	nl_socket_free(t->socket);
	free(t);
}

static int send_request(struct delay_source *t, int attribute, pid_t pid, uint32_t *ret_sequence)
{
	_cleanup_(nlmsg_freep) struct nl_msg *request = nlmsg_alloc();
	int r;

	if (!request || !genlmsg_put(request, NL_AUTO_PORT, NL_AUTO_SEQ, t->family, 0, 0,
				     TASKSTATS_CMD_GET, TASKSTATS_GENL_VERSION))
		return -ENOMEM;
	r = nla_put_u32(request, attribute, pid);
	if (r >= 0)
		r = nl_send_auto(t->socket, request);
	if (r < 0)
		return from_nl_error(r);
	*ret_sequence = nlmsg_hdr(request)->nlmsg_seq;
	return 0;
}

/* Ask about the process, or about its main thread. */
static int ask(struct delay_source *t, int attribute, pid_t pid, struct process_info *ret)
{
	uint32_t sequence = 0;
	int r = send_request(t, attribute, pid, &sequence);

	if (r < 0)
		return r;
	/*
	 * nl_recvmsgs() would hide which error it was that the kernel answered with. What is in the
	 * socket beside the reply is a late one, to be passed over.
	 */
	do {
		_cleanup_free_ unsigned char *datagram = NULL;
		struct sockaddr_nl from = {};

		r = nl_recv(t->socket, &from, &datagram, NULL);
		/* libnl says "no memory" also if the socket overflowed. */
		if (r <= 0)
			return -ENOBUFS;
		if (from.nl_pid != 0)
			r = -ENOMSG;
		else if (attribute == TASKSTATS_CMD_ATTR_PID)
			r = taskstats_reply_parse_thread(datagram, r, sequence, pid, ret);
		else
			r = taskstats_reply_parse_delays(datagram, r, sequence, pid, &ret->delays);
	} while (r == -ENOMSG);
	return r;
}

int taskstats_ask(struct delay_source *t, pid_t pid, struct process_info *ret)
{
	int r = ask(t, TASKSTATS_CMD_ATTR_PID, pid, ret);

	return r < 0 ? r : ask(t, TASKSTATS_CMD_ATTR_TGID, pid, ret);
}
