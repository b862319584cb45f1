// SPDX-License-Identifier: MIT
/*
 * The signal frame, byte for byte Linux's struct rt_sigframe on x86-64:
 *
 *   high   128 bytes red zone (not on the alternate stack)
 *          FPU image, 64-byte aligned; with XSAVE, FP_XSTATE_MAGIC2 behind it
 *          siginfo, ucontext, and lowest the restorer's address
 *   rsp -> rsp + 8 is a multiple of 16, as after a call
 *
 * The kernel keeps nothing of it, so frames nest freely and programs may edit
 * or invent them: sigreturn takes no bit on trust.
 */
#include <arch/frame.h>
#include <arch/signal.h>
#include <arch/uaccess.h>
#include <asm/sigcontext.h>
#include <asm/signal.h>
#include <asm/ucontext.h>
#include <linux/signal.h>
#include <tarn/cpu.h>
#include <tarn/errno.h>
#include <tarn/string.h>
#include <tarn/thread.h>
#include "fpu.h"
#include "offsets.h"
#include "x86.h"

#define RED_ZONE 128
#define SA_RESTORER_FLAG 0x04000000ul

struct rt_sigframe {
	u64 pretcode;
	struct ucontext uc;
	siginfo_t info;
};
_Static_assert(sizeof(struct ucontext) == 304, "x86-64 ucontext");
_Static_assert(offsetof(struct rt_sigframe, info) == 312, "x86-64 rt_sigframe");
_Static_assert(sizeof(struct rt_sigframe) == 440, "x86-64 rt_sigframe");

static u32 fp_magic2_size(void)
{
	return x86.xsave ? FP_XSTATE_MAGIC2_SIZE : 0;
}

size_t arch_signal_frame_size(void)
{
	/* What lies in between at worst: alignments to 64 and 16. */
	return sizeof(struct rt_sigframe) + fpu_size + fp_magic2_size() + 64 + 24;
}

/* ---- building ---- */

static bool on_altstack(u64 sp)
{
	return sp > current->altstack_sp && sp - current->altstack_sp <= current->altstack_size;
}

static void fill_context(struct sigcontext *c, const struct regs *r, u64 mask, u64 fp)
{
	const struct arch_thread *a = &current->arch;

	*c = (struct sigcontext){
		.r8 = r->r8,
		.r9 = r->r9,
		.r10 = r->r10,
		.r11 = r->r11,
		.r12 = r->r12,
		.r13 = r->r13,
		.r14 = r->r14,
		.r15 = r->r15,
		.rdi = r->rdi,
		.rsi = r->rsi,
		.rbp = r->rbp,
		.rbx = r->rbx,
		.rdx = r->rdx,
		.rax = r->rax,
		.rcx = r->rcx,
		.rsp = r->rsp,
		.rip = r->rip,
		.eflags = r->rflags,
		.cs = (u16)r->cs,
		.ss = (u16)r->ss,
		.err = a->error_code,
		.trapno = a->trap_number,
		.oldmask = mask,
		.cr2 = a->fault_addr,
		.fpstate = (struct _fpstate *)fp,
	};
}

/* The FPU image to @fp: what runs now, with the features Linux always claims. */
static int put_fpu(u64 fp)
{
	static const u32 magic2 = FP_XSTATE_MAGIC2;
	char *image = current->arch.fpu;
	u64 flags = irq_save();

	fpu_save(image);
	irq_restore(flags);
	if (x86.xsave)
		*(u64 *)(image + sizeof(struct _fpstate)) |= 3; /* xstate_bv: FP and SSE are there */
	if (copy_to_user((void __user *)fp, image, fpu_low) ||
	    (fpu_pkru && put_user(*(u64 *)(image + fpu_pkru), (u64 __user *)(fp + fpu_pkru))))
		return -EFAULT;
	if (!x86.xsave)
		return 0;
	return copy_to_user((void __user *)(fp + fpu_size), &magic2, sizeof(magic2));
}

int arch_signal_push(struct regs *regs, const struct abi_sigaction *act, int sig,
		     const struct ksiginfo *info, u64 mask, u64 altstack_top)
{
	bool was_on_altstack = !altstack_top && on_altstack(regs->rsp) &&
			       !(current->altstack_flags & SS_AUTODISARM);
	u64 sp = altstack_top ? altstack_top : regs->rsp - RED_ZONE;
	struct rt_sigframe frame;
	u64 fp, at;

	fp = ALIGN_DOWN(sp - fpu_size - fp_magic2_size(), 64);
	at = ALIGN_DOWN(fp - sizeof(frame), 16) - 8;
	if (!(act->flags & SA_RESTORER_FLAG))
		return -EFAULT; /* x86-64 has no other way back */
	if ((altstack_top || was_on_altstack) && !on_altstack(at))
		return -EFAULT; /* the frame would run over the alternate stack's end */

	memset(&frame, 0, sizeof(frame));
	frame.pretcode = act->restorer;
	frame.uc.uc_flags =
		UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS | (x86.xsave ? UC_FP_XSTATE : 0);
	frame.uc.uc_stack.ss_sp = (void *)current->altstack_sp;
	frame.uc.uc_stack.ss_flags = (int)current->altstack_flags;
	frame.uc.uc_stack.ss_size = current->altstack_size;
	fill_context(&frame.uc.uc_mcontext, regs, mask, fp);
	memcpy(&frame.uc.uc_sigmask, &mask, sizeof(mask));
	frame.info = info->si;
	if (put_fpu(fp) || copy_to_user((void __user *)at, &frame, sizeof(frame)))
		return -EFAULT;
	/* The handler is called like any function: rounding, precision and masks are the ABI's, not the victim's. */
	fpu_load_initial();

	regs->rdi = (u64)sig;
	regs->rsi = at + offsetof(struct rt_sigframe, info);
	regs->rdx = at + offsetof(struct rt_sigframe, uc);
	regs->rax = 0; /* a handler declared without arguments may be variadic */
	regs->rip = act->handler;
	regs->rsp = at;
	regs->cs = GDT_USER_CS;
	regs->ss = GDT_USER_DS;
	regs->rflags &= ~(u64)(X86_EFLAGS_DF | X86_EFLAGS_RF | X86_EFLAGS_TF);
	return 0;
}

/* ---- going back ---- */

enum frame_fpu { FRAME_BAD, FRAME_LEGACY, FRAME_XSTATE };

/* How much of the image at @fp, with @sw in it, is meant: all of ours, or only the 512 legacy bytes. */
static enum frame_fpu frame_kind(const struct _fpx_sw_bytes *sw, u64 fp)
{
	u32 magic2;

	if (!x86.xsave || sw->magic1 != FP_XSTATE_MAGIC1)
		return FRAME_LEGACY;
	if (sw->xstate_size < sizeof(struct _fpstate) + 64 || sw->xstate_size > fpu_size ||
	    sw->extended_size < sw->xstate_size)
		return FRAME_LEGACY;
	if (get_user(magic2, (const u32 __user *)(fp + sw->xstate_size)))
		return FRAME_BAD;
	return magic2 == FP_XSTATE_MAGIC2 ? FRAME_XSTATE : FRAME_LEGACY;
}

/* @size bytes in XSAVE's format, without the gap; what a shorter image lacks is zero, not what lay in @tmp before. */
static int fetch_xstate(char *tmp, u64 fp, u32 size)
{
	size = MIN(size, fpu_low);
	if (copy_from_user(tmp, (const void __user *)fp, size))
		return -EFAULT;
	memset(tmp + size, 0, fpu_low - size);
	if (fpu_pkru && *(u64 *)(tmp + sizeof(struct _fpstate)) & FPU_PKRU_BIT &&
	    copy_from_user(tmp + fpu_pkru, (const void __user *)(fp + fpu_pkru), FPU_PKRU_SIZE))
		return -EFAULT;
	return 0;
}

/*
 * The image at @fp into @tmp: 0, or -EFAULT for whatever the instruction that
 * Linux runs on user memory here (XRSTOR, FXRSTOR) would fault on.
 */
static int fetch_fpu(char *tmp, u64 fp)
{
	struct _fpx_sw_bytes sw;
	enum frame_fpu kind;

	if (copy_from_user(&sw, (const void __user *)(fp + offsetof(struct _fpstate, sw_reserved)),
			   sizeof(sw)))
		return -EFAULT;
	kind = frame_kind(&sw, fp);
	if (kind == FRAME_BAD || fp & (kind == FRAME_XSTATE ? 63 : 15))
		return -EFAULT;
	/* From here on @sw counts, not what another thread may write over it. */
	if (kind == FRAME_XSTATE
		    ? fetch_xstate(tmp, fp, sw.xstate_size)
		    : copy_from_user(tmp, (const void __user *)fp, sizeof(struct _fpstate)))
		return -EFAULT;
	if (!fpu_image_valid(tmp, kind == FRAME_LEGACY))
		return -EFAULT;
	if (kind == FRAME_XSTATE)
		*(u64 *)(tmp + sizeof(struct _fpstate)) &= sw.xfeatures;
	fpu_image_sanitise(tmp, kind == FRAME_LEGACY);
	return 0;
}

/* Without an image: the state every handler starts with. */
static int get_fpu(u64 fp)
{
	char *tmp = fpu_scratch(current->arch.fpu);

	if (!fp) {
		fpu_load_initial();
		return 0;
	}
	if (fetch_fpu(tmp, fp))
		return -EFAULT;
	fpu_load(tmp); /* the thread's own image follows when it is switched out */
	return 0;
}

int arch_signal_pop(struct regs *regs, u64 *mask, void *uc_stack)
{
	u64 at = regs->rsp - 8; /* the handler's ret took pretcode */
	const struct sigcontext *c;
	struct rt_sigframe frame;

	if (copy_from_user(&frame, (const void __user *)at, offsetof(struct rt_sigframe, info)))
		return -EFAULT;
	c = &frame.uc.uc_mcontext;
	if (get_fpu((u64)c->fpstate))
		return -EFAULT;
	regs->r8 = c->r8;
	regs->r9 = c->r9;
	regs->r10 = c->r10;
	regs->r11 = c->r11;
	regs->r12 = c->r12;
	regs->r13 = c->r13;
	regs->r14 = c->r14;
	regs->r15 = c->r15;
	regs->rdi = c->rdi;
	regs->rsi = c->rsi;
	regs->rbp = c->rbp;
	regs->rbx = c->rbx;
	regs->rdx = c->rdx;
	regs->rax = c->rax;
	regs->rcx = c->rcx;
	regs->rsp = c->rsp;
	regs->rip = c->rip;
	regs->cs = GDT_USER_CS; /* there is no other mode to return to */
	regs->ss = GDT_USER_DS;
	regs->orig_rax = (u64)-1; /* no call to restart */
	regs_set_flags(regs, c->eflags);
	memcpy(mask, &frame.uc.uc_sigmask, sizeof(*mask));
	memcpy(uc_stack, &frame.uc.uc_stack, sizeof(frame.uc.uc_stack));
	return 0;
}

void arch_restart_call(struct regs *regs, u64 number)
{
	regs->rip -= 2; /* the length of SYSCALL */
	regs->rax = number;
}
