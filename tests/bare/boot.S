/* Multiboot to long mode, the entries of faults, and setjmp. machine.c does the rest. */

    .section .multiboot, "a"
    .balign 4
    .long 0x1badb002, 0, -0x1badb002

    .bss
    .balign 4096
pml4:
    .skip 4096
    .globl bare_pdpt, bare_pd
bare_pdpt:
    .skip 4096
bare_pd:
    .skip 4096
    .skip 256 * 1024
stack:

    .data
    .balign 8
gdt:
    .quad 0, 0x00209a0000000000 /* code of 64 bits */
gdt_end:
gdt_register:
    .word gdt_end - gdt - 1
    .quad gdt

    .text
    .code32
    .globl start
start:
    cli
    movl $stack, %esp
    movl $bare_pdpt + 3, pml4
    movl $bare_pd + 3, bare_pdpt
    xorl %ecx, %ecx
1:  movl %ecx, %eax /* the first GiB, in pages of 2 MiB, as it is */
    shll $21, %eax
    orl $0x83, %eax
    movl %eax, bare_pd(, %ecx, 8)
    incl %ecx
    cmpl $512, %ecx
    jne 1b
    movl $1 << 5 | 1 << 9 | 1 << 10 | 1 << 18, %eax /* PAE, OSFXSR, OSXMMEXCPT, OSXSAVE */
    movl %eax, %cr4
    movl $pml4, %eax
    movl %eax, %cr3
    movl $0xc0000080, %ecx /* EFER.LME */
    rdmsr
    orl $1 << 8, %eax
    wrmsr
    movl $1 << 31 | 1 << 5 | 1 << 1 | 1, %eax /* PG, NE, MP, PE */
    movl %eax, %cr0
    lgdt gdt_register
    ljmp $8, $1f
    .code64
1:  xorl %eax, %eax
    movl %eax, %ss
    movl %eax, %ds
    movl %eax, %es
    xorl %ebp, %ebp
    call bare_main

/* 16 bytes each: bare_fault(vector, address). Nothing returns from there. */
    .globl bare_faults
    .balign 16
bare_faults:
    .set vector, 0
    .rept 32
    .balign 16
    movl $vector, %edi
    jmp fault
    .set vector, vector + 1
    .endr
fault:
    movq %cr2, %rsi
    movq %rsp, %rdx
    andq $-16, %rsp
    cld
    call bare_fault

    .globl __sigsetjmp, siglongjmp
__sigsetjmp:
    movq %rbx, (%rdi)
    movq %rbp, 8(%rdi)
    movq %r12, 16(%rdi)
    movq %r13, 24(%rdi)
    movq %r14, 32(%rdi)
    movq %r15, 40(%rdi)
    leaq 8(%rsp), %rax
    movq %rax, 48(%rdi)
    movq (%rsp), %rax
    movq %rax, 56(%rdi)
    xorl %eax, %eax
    ret

siglongjmp:
    movl %esi, %eax
    movq (%rdi), %rbx
    movq 8(%rdi), %rbp
    movq 16(%rdi), %r12
    movq 24(%rdi), %r13
    movq 32(%rdi), %r14
    movq 40(%rdi), %r15
    movq 48(%rdi), %rsp
    jmp *56(%rdi)

    .section .note.GNU-stack, "", @progbits
