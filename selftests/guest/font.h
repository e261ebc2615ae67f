/* SPDX-License-Identifier: GPL-2.0 */
/* A font of 5 by 7 dots for capitals, digits and a little punctuation. */
#ifndef WEFT_GUEST_FONT_H
#define WEFT_GUEST_FONT_H

#define FONT_WIDTH	5
#define FONT_HEIGHT	7
#define FONT_ADVANCE	6

/* One row of a character's dots, the leftmost in bit 4. */
unsigned int font_row(char c, unsigned int row);

#endif
