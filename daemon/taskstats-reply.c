// SPDX-License-Identifier: GPL-2.0
#include "taskstats-reply.h"

#include <errno.h>
#include <linux/taskstats.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <string.h>

#include "cleanup.h"

/*
 * Offsets in struct taskstats, on every architecture. The struct of the kernel that answers is
 * another than that of the headers here: it may be longer or shorter, and headers of version 15
 * would be wrong for all others. Versions add fields at the end; 15 broke that, 16 mended it.
 */
#define VERSION_WRONG  15
#define OFFSET_VERSION 0
static const size_t offsets[N_DELAYS] = {
	[DELAY_BLKIO] = 32, [DELAY_SWAPIN] = 48, [DELAY_THRASHING] = 328, /* since version 9 */
};

/* Counts of the other delays that are accounted by process: freepages, compact, wpcopy, irq. */
static const size_t other_counts[] = { 312, 352, 400, 416 };
#define OFFSET_WPCOPY_COUNT 400 /* since version 13 */

/* False if the struct is too short to have the field. */
static bool get_u64(const char *stats, size_t size, size_t offset, uint64_t *ret)
{
	if (size < offset + sizeof(*ret))
		return false;
	memcpy(ret, stats + offset, sizeof(*ret));
	return true;
}

static int parse_stats(const char *stats, size_t size, struct delays *ret)
{
	uint16_t version;
	uint64_t count;

	if (size < OFFSET_VERSION + sizeof(version))
		return -EBADMSG;
	memcpy(&version, stats + OFFSET_VERSION, sizeof(version));
	if (version == VERSION_WRONG)
		return -EPROTONOSUPPORT;

	*ret = (struct delays){};
	/* A struct that does not tell of wpcopy cannot tell who is not accounted. */
	ret->accounted = !get_u64(stats, size, OFFSET_WPCOPY_COUNT, &count);
	for (size_t i = 0; i < ARRAY_SIZE(other_counts); i++)
		ret->accounted |= get_u64(stats, size, other_counts[i], &count) && count > 0;
	for (int d = 0; d < N_DELAYS; d++) {
		ret->of[d].known =
			get_u64(stats, size, offsets[d], &ret->of[d].count) &&
			get_u64(stats, size, offsets[d] + sizeof(uint64_t), &ret->of[d].total);
		if (!ret->of[d].known)
			ret->of[d].count = 0;
		ret->accounted |= ret->of[d].count > 0;
	}
	return 0;
}

static int parse_message(struct nlmsghdr *header, uint32_t tgid, struct delays *ret)
{
	struct nlattr *all, *id, *stats;

	if (header->nlmsg_type == NLMSG_ERROR) {
		const struct nlmsgerr *e = nlmsg_data(header);

		if (nlmsg_datalen(header) < (int)sizeof(*e) || e->error > 0)
			return -EBADMSG;
		return e->error < 0 ? e->error : -ENOMSG; /* 0: an acknowledgement */
	}
	if (!genlmsg_valid_hdr(header, 0) || genlmsg_hdr(header)->cmd != TASKSTATS_CMD_NEW)
		return -EBADMSG;
	all = nla_find(genlmsg_attrdata(genlmsg_hdr(header), 0),
		       genlmsg_attrlen(genlmsg_hdr(header), 0), TASKSTATS_TYPE_AGGR_TGID);
	if (!all)
		return -EBADMSG;
	id = nla_find(nla_data(all), nla_len(all), TASKSTATS_TYPE_TGID);
	stats = nla_find(nla_data(all), nla_len(all), TASKSTATS_TYPE_STATS);
	if (!id || nla_len(id) < (int)sizeof(uint32_t) || nla_get_u32(id) != tgid || !stats)
		return -EBADMSG;
	return parse_stats(nla_data(stats), nla_len(stats), ret);
}

int taskstats_reply_parse(const void *datagram, size_t size, uint32_t sequence, uint32_t tgid,
			  struct delays *ret)
{
	int left = size, r = -ENOMSG;

	/* libnl only reads, though it does not say so. */
	for (struct nlmsghdr *h = (void *)datagram; r == -ENOMSG && left > 0;
	     h = nlmsg_next(h, &left)) {
		if (!nlmsg_ok(h, left))
			return -EBADMSG;
		if (h->nlmsg_seq == sequence)
			r = parse_message(h, tgid, ret);
	}
	return r;
}
