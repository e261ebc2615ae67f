// SPDX-License-Identifier: GPL-2.0
#include "steps.h"

#include <linux/vhost.h>
#include <sys/ioctl.h>
#include <unistd.h>

static void step(const struct steps *s, uint8_t op, struct bytes *in)
{
	unsigned int n = op & 1;

	switch (op >> 1 & 15) {
	case 0 ... 2:
		ring_storm(s->rings, n, in);
		break;
	case 3 ... 4:
		ring_offer(s->rings, n, in);
		break;
	case 5:
		ring_words(s->rings, s->commands && op >> 5 & 1 ? 2 : n, in);
		break;
	case 6:
		ring_kick(s->rings, n);
		break;
	case 7 ... 9:
		*s->dirty = true;
		args_ioctl(*s->dev, s->ioctls, s->n, in);
		break;
	case 10:
		*s->dirty = true;
		args_message(*s->dev, in);
		break;
	case 11:
		s->own(in);
		break;
	case 12:
		s->again(n);
		break;
	case 13:
		s->rings->feed(1, in);
		break;
	case 14:
		*s->dirty |= s->change_dirties;
		mem_change(in);
		break;
	default:
		mem_write(in);
	}
}

void steps_run(const struct steps *s, struct bytes *in)
{
	while (bytes_left(in))
		step(s, get8(in), in);
}

int steps_vring(const struct steps *s, unsigned long cmd, unsigned int n, unsigned int num)
{
	struct vhost_vring_state v = { n, num };

	return ioctl(*s->dev, cmd, &v);
}

int steps_vfile(const struct steps *s, unsigned long cmd, unsigned int n, int fd)
{
	struct vhost_vring_file v = { n, fd };

	return ioctl(*s->dev, cmd, &v);
}

void steps_close(const struct steps *s)
{
	close(*s->dev);
	*s->dev = -1;
	mem_reset();
}
