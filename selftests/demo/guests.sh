# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034 # sourced
# The guests of the demo: what each paints, and on which kind of parent.

guest_parent=([1]=adapter [2]=softpci)
guest_type=([1]=weft_vgpu-16m [2]=weft_vgpu-8m)
guest_picture=([1]=loom [2]=waves)
guest_label=([1]='GUEST 1' [2]='GUEST 2')
