	.file	"new_types.cc"
	.file	0 "new_types.cc" md5 0x51cdd397a829717fd6051dca3a47a59b
	.text
	.globl	make_int
	.p2align	4
	.type	make_int,@function
make_int:
.Lfunc_begin0:
	.loc	0 32 0
	.cfi_startproc
	pushq	%rbx
	.cfi_def_cfa_offset 16
	.cfi_offset %rbx, -16
	movl	%edi, %ebx
.Ltmp0:
	.loc	0 32 0 prologue_end
	movl	$4, %edi
.Ltmp1:
	callq	_Znwm@PLT
.Ltmp2:
	.loc	0 32 0
	movl	%ebx, (%rax)
	movq	%rax, kept(%rip)
	.loc	0 32 0 epilogue_begin
	popq	%rbx
.Ltmp3:
	.cfi_def_cfa_offset 8
	retq
.Ltmp4:
.Lfunc_end0:
	.size	make_int, .Lfunc_end0-make_int
	.cfi_endproc

	.globl	make_array
	.p2align	4
	.type	make_array,@function
make_array:
.Lfunc_begin1:
	.loc	0 33 0
	.cfi_startproc
	pushq	%rax
	.cfi_def_cfa_offset 16
.Ltmp5:
	.loc	0 33 0 prologue_end
	movl	%edi, %eax
	shlq	$3, %rax
	testl	%edi, %edi
	movq	$-1, %rdi
.Ltmp6:
	cmovnsq	%rax, %rdi
	callq	_Znam@PLT
.Ltmp7:
	.loc	0 33 0
	movq	%rax, kept+8(%rip)
	.loc	0 33 0 epilogue_begin
	popq	%rax
	.cfi_def_cfa_offset 8
	retq
.Ltmp8:
.Lfunc_end1:
	.size	make_array, .Lfunc_end1-make_array
	.cfi_endproc

	.globl	make_plain
	.p2align	4
	.type	make_plain,@function
make_plain:
.Lfunc_begin2:
	.loc	0 34 0
	.cfi_startproc
	pushq	%rax
	.cfi_def_cfa_offset 16
.Ltmp9:
	.loc	0 34 0 prologue_end
	movl	$12, %edi
	callq	_Znwm@PLT
.Ltmp10:
	.loc	0 34 0
	movq	%rax, kept+16(%rip)
	.loc	0 34 0 epilogue_begin
	popq	%rax
	.cfi_def_cfa_offset 8
	retq
.Ltmp11:
.Lfunc_end2:
	.size	make_plain, .Lfunc_end2-make_plain
	.cfi_endproc

	.globl	make_inner
	.p2align	4
	.type	make_inner,@function
make_inner:
.Lfunc_begin3:
	.loc	0 35 0
	.cfi_startproc
	pushq	%rax
	.cfi_def_cfa_offset 16
.Ltmp12:
	.loc	0 35 0 prologue_end
	movl	$8, %edi
	callq	_Znwm@PLT
.Ltmp13:
	.loc	0 35 0
	movq	%rax, kept+24(%rip)
	.loc	0 35 0 epilogue_begin
	popq	%rax
	.cfi_def_cfa_offset 8
	retq
.Ltmp14:
.Lfunc_end3:
	.size	make_inner, .Lfunc_end3-make_inner
	.cfi_endproc

	.globl	make_part
	.p2align	4
	.type	make_part,@function
make_part:
.Lfunc_begin4:
	.loc	0 36 0
	.cfi_startproc
	pushq	%rax
	.cfi_def_cfa_offset 16
.Ltmp15:
	.loc	0 36 0 prologue_end
	movl	$40, %edi
	callq	_Znwm@PLT
.Ltmp16:
	.loc	0 36 0
	movq	%rax, kept+32(%rip)
	.loc	0 36 0 epilogue_begin
	popq	%rax
	.cfi_def_cfa_offset 8
	retq
.Ltmp17:
.Lfunc_end4:
	.size	make_part, .Lfunc_end4-make_part
	.cfi_endproc

	.globl	make_both
	.p2align	4
	.type	make_both,@function
make_both:
.Lfunc_begin5:
	.loc	0 37 0
	.cfi_startproc
	pushq	%rax
	.cfi_def_cfa_offset 16
.Ltmp18:
	.loc	0 37 0 prologue_end
	movl	$8, %edi
	callq	_Znwm@PLT
.Ltmp19:
	.loc	0 37 0
	movq	%rax, kept+40(%rip)
	.loc	0 37 0 epilogue_begin
	popq	%rax
	.cfi_def_cfa_offset 8
	retq
.Ltmp20:
.Lfunc_end5:
	.size	make_both, .Lfunc_end5-make_both
	.cfi_endproc

	.globl	make_pointers
	.p2align	4
	.type	make_pointers,@function
make_pointers:
.Lfunc_begin6:
	.loc	0 38 0
	.cfi_startproc
	pushq	%rax
	.cfi_def_cfa_offset 16
.Ltmp21:
	.loc	0 38 0 prologue_end
	movl	%edi, %eax
	shlq	$3, %rax
	testl	%edi, %edi
	movq	$-1, %rdi
.Ltmp22:
	cmovnsq	%rax, %rdi
	callq	_Znam@PLT
.Ltmp23:
	.loc	0 38 0
	movq	%rax, kept+48(%rip)
	.loc	0 38 0 epilogue_begin
	popq	%rax
	.cfi_def_cfa_offset 8
	retq
.Ltmp24:
.Lfunc_end6:
	.size	make_pointers, .Lfunc_end6-make_pointers
	.cfi_endproc

	.globl	make_alias
	.p2align	4
	.type	make_alias,@function
make_alias:
.Lfunc_begin7:
	.loc	0 39 0
	.cfi_startproc
	pushq	%rax
	.cfi_def_cfa_offset 16
.Ltmp25:
	.loc	0 39 0 prologue_end
	movl	$12, %edi
	callq	_Znwm@PLT
.Ltmp26:
	.loc	0 39 0
	movq	%rax, kept+56(%rip)
	.loc	0 39 0 epilogue_begin
	popq	%rax
	.cfi_def_cfa_offset 8
	retq
.Ltmp27:
.Lfunc_end7:
	.size	make_alias, .Lfunc_end7-make_alias
	.cfi_endproc

	.globl	make_kind
	.p2align	4
	.type	make_kind,@function
make_kind:
.Lfunc_begin8:
	.loc	0 40 0
	.cfi_startproc
	pushq	%rax
	.cfi_def_cfa_offset 16
.Ltmp28:
	.loc	0 40 0 prologue_end
	movl	$4, %edi
	callq	_Znwm@PLT
.Ltmp29:
	.loc	0 40 0
	movq	%rax, kept+64(%rip)
	.loc	0 40 0 epilogue_begin
	popq	%rax
	.cfi_def_cfa_offset 8
	retq
.Ltmp30:
.Lfunc_end8:
	.size	make_kind, .Lfunc_end8-make_kind
	.cfi_endproc

	.globl	make_hidden
	.p2align	4
	.type	make_hidden,@function
make_hidden:
.Lfunc_begin9:
	.loc	0 41 0
	.cfi_startproc
	pushq	%rax
	.cfi_def_cfa_offset 16
.Ltmp31:
	.loc	0 41 0 prologue_end
	movl	$4, %edi
	callq	_Znwm@PLT
.Ltmp32:
	.loc	0 41 0
	movq	%rax, kept+72(%rip)
	.loc	0 41 0 epilogue_begin
	popq	%rax
	.cfi_def_cfa_offset 8
	retq
.Ltmp33:
.Lfunc_end9:
	.size	make_hidden, .Lfunc_end9-make_hidden
	.cfi_endproc

	.globl	make_untold
	.p2align	4
	.type	make_untold,@function
make_untold:
.Lfunc_begin10:
	.loc	0 42 0
	.cfi_startproc
	pushq	%rax
	.cfi_def_cfa_offset 16
.Ltmp34:
	.loc	0 42 0 prologue_end
	callq	_Znwm@PLT
.Ltmp35:
	.loc	0 42 0
	movq	%rax, kept+80(%rip)
	.loc	0 42 0 epilogue_begin
	popq	%rax
	.cfi_def_cfa_offset 8
	retq
.Ltmp36:
.Lfunc_end10:
	.size	make_untold, .Lfunc_end10-make_untold
	.cfi_endproc

	.globl	make_void
	.p2align	4
	.type	make_void,@function
make_void:
.Lfunc_begin11:
	.loc	0 43 0
	.cfi_startproc
	pushq	%rax
	.cfi_def_cfa_offset 16
.Ltmp37:
	.loc	0 43 0 prologue_end
	movl	%edi, %eax
	shlq	$3, %rax
	testl	%edi, %edi
	movq	$-1, %rdi
.Ltmp38:
	cmovnsq	%rax, %rdi
	callq	_Znam@PLT
.Ltmp39:
	.loc	0 43 0
	movq	%rax, kept+88(%rip)
	.loc	0 43 0 epilogue_begin
	popq	%rax
	.cfi_def_cfa_offset 8
	retq
.Ltmp40:
.Lfunc_end11:
	.size	make_void, .Lfunc_end11-make_void
	.cfi_endproc

	.globl	make_local
	.p2align	4
	.type	make_local,@function
make_local:
.Lfunc_begin12:
	.loc	0 54 0
	.cfi_startproc
	pushq	%rbx
	.cfi_def_cfa_offset 16
	.cfi_offset %rbx, -16
	movl	%edi, %ebx
.Ltmp41:
	.loc	0 50 0 prologue_end
	movl	$4, %edi
.Ltmp42:
	callq	_Znwm@PLT
.Ltmp43:
	.loc	0 50 0
	movl	%ebx, (%rax)
	movq	%rax, kept+96(%rip)
.Ltmp44:
	.loc	0 54 0 epilogue_begin
	popq	%rbx
.Ltmp45:
	.cfi_def_cfa_offset 8
	retq
.Ltmp46:
.Lfunc_end12:
	.size	make_local, .Lfunc_end12-make_local
	.cfi_endproc

	.globl	main
	.p2align	4
	.type	main,@function
main:
.Lfunc_begin13:
	.loc	0 57 0
	.cfi_startproc
	pushq	%rbx
	.cfi_def_cfa_offset 16
	.cfi_offset %rbx, -16
	movl	%edi, %ebx
.Ltmp47:
	.loc	0 58 0 prologue_end
	callq	make_int
.Ltmp48:
	.loc	0 59 0
	leal	5(%rbx), %edi
	callq	make_array
.Ltmp49:
	.loc	0 60 0
	callq	make_plain
.Ltmp50:
	.loc	0 61 0
	callq	make_inner
.Ltmp51:
	.loc	0 62 0
	callq	make_part
.Ltmp52:
	.loc	0 63 0
	callq	make_both
.Ltmp53:
	.loc	0 64 0
	leal	3(%rbx), %edi
	callq	make_pointers
.Ltmp54:
	.loc	0 65 0
	callq	make_alias
.Ltmp55:
	.loc	0 66 0
	callq	make_kind
.Ltmp56:
	.loc	0 67 0
	callq	make_hidden
.Ltmp57:
	.loc	0 68 0
	movl	$12, %edi
	callq	make_untold
.Ltmp58:
	.loc	0 69 0
	movl	%ebx, %edi
	callq	make_void
.Ltmp59:
	.loc	0 70 0
	movl	%ebx, %edi
	callq	make_local
.Ltmp60:
	.loc	0 71 0
	xorl	%eax, %eax
	.loc	0 71 0 epilogue_begin is_stmt 0
	popq	%rbx
.Ltmp61:
	.cfi_def_cfa_offset 8
	retq
.Ltmp62:
.Lfunc_end13:
	.size	main, .Lfunc_end13-main
	.cfi_endproc

	.type	kept,@object
	.bss
	.globl	kept
	.p2align	4, 0x0
kept:
	.zero	128
	.size	kept, 128

	.section	.debug_loclists,"",@progbits
	.long	.Ldebug_list_header_end0-.Ldebug_list_header_start0
.Ldebug_list_header_start0:
	.short	5
	.byte	8
	.byte	0
	.long	9
.Lloclists_table_base0:
	.long	.Ldebug_loc0-.Lloclists_table_base0
	.long	.Ldebug_loc1-.Lloclists_table_base0
	.long	.Ldebug_loc2-.Lloclists_table_base0
	.long	.Ldebug_loc3-.Lloclists_table_base0
	.long	.Ldebug_loc4-.Lloclists_table_base0
	.long	.Ldebug_loc5-.Lloclists_table_base0
	.long	.Ldebug_loc6-.Lloclists_table_base0
	.long	.Ldebug_loc7-.Lloclists_table_base0
	.long	.Ldebug_loc8-.Lloclists_table_base0
.Ldebug_loc0:
	.byte	4
	.uleb128 .Lfunc_begin0-.Lfunc_begin0
	.uleb128 .Ltmp1-.Lfunc_begin0
	.byte	1
	.byte	85
	.byte	4
	.uleb128 .Ltmp1-.Lfunc_begin0
	.uleb128 .Ltmp3-.Lfunc_begin0
	.byte	1
	.byte	83
	.byte	4
	.uleb128 .Ltmp3-.Lfunc_begin0
	.uleb128 .Lfunc_end0-.Lfunc_begin0
	.byte	4
	.byte	163
	.byte	1
	.byte	85
	.byte	159
	.byte	0
.Ldebug_loc1:
	.byte	4
	.uleb128 .Lfunc_begin1-.Lfunc_begin0
	.uleb128 .Ltmp6-.Lfunc_begin0
	.byte	1
	.byte	85
	.byte	4
	.uleb128 .Ltmp6-.Lfunc_begin0
	.uleb128 .Lfunc_end1-.Lfunc_begin0
	.byte	4
	.byte	163
	.byte	1
	.byte	85
	.byte	159
	.byte	0
.Ldebug_loc2:
	.byte	4
	.uleb128 .Lfunc_begin6-.Lfunc_begin0
	.uleb128 .Ltmp22-.Lfunc_begin0
	.byte	1
	.byte	85
	.byte	4
	.uleb128 .Ltmp22-.Lfunc_begin0
	.uleb128 .Lfunc_end6-.Lfunc_begin0
	.byte	4
	.byte	163
	.byte	1
	.byte	85
	.byte	159
	.byte	0
.Ldebug_loc3:
	.byte	4
	.uleb128 .Lfunc_begin10-.Lfunc_begin0
	.uleb128 .Ltmp35-.Lfunc_begin0
	.byte	1
	.byte	85
	.byte	4
	.uleb128 .Ltmp35-.Lfunc_begin0
	.uleb128 .Lfunc_end10-.Lfunc_begin0
	.byte	4
	.byte	163
	.byte	1
	.byte	85
	.byte	159
	.byte	0
.Ldebug_loc4:
	.byte	4
	.uleb128 .Lfunc_begin11-.Lfunc_begin0
	.uleb128 .Ltmp38-.Lfunc_begin0
	.byte	1
	.byte	85
	.byte	4
	.uleb128 .Ltmp38-.Lfunc_begin0
	.uleb128 .Lfunc_end11-.Lfunc_begin0
	.byte	4
	.byte	163
	.byte	1
	.byte	85
	.byte	159
	.byte	0
.Ldebug_loc5:
	.byte	4
	.uleb128 .Lfunc_begin12-.Lfunc_begin0
	.uleb128 .Ltmp42-.Lfunc_begin0
	.byte	1
	.byte	85
	.byte	4
	.uleb128 .Ltmp42-.Lfunc_begin0
	.uleb128 .Ltmp45-.Lfunc_begin0
	.byte	1
	.byte	83
	.byte	4
	.uleb128 .Ltmp45-.Lfunc_begin0
	.uleb128 .Lfunc_end12-.Lfunc_begin0
	.byte	4
	.byte	163
	.byte	1
	.byte	85
	.byte	159
	.byte	0
.Ldebug_loc6:
	.byte	4
	.uleb128 .Lfunc_begin12-.Lfunc_begin0
	.uleb128 .Ltmp42-.Lfunc_begin0
	.byte	1
	.byte	85
	.byte	4
	.uleb128 .Ltmp42-.Lfunc_begin0
	.uleb128 .Ltmp45-.Lfunc_begin0
	.byte	1
	.byte	83
	.byte	0
.Ldebug_loc7:
	.byte	4
	.uleb128 .Lfunc_begin13-.Lfunc_begin0
	.uleb128 .Ltmp48-.Lfunc_begin0
	.byte	1
	.byte	85
	.byte	4
	.uleb128 .Ltmp48-.Lfunc_begin0
	.uleb128 .Ltmp61-.Lfunc_begin0
	.byte	1
	.byte	83
	.byte	4
	.uleb128 .Ltmp61-.Lfunc_begin0
	.uleb128 .Lfunc_end13-.Lfunc_begin0
	.byte	4
	.byte	163
	.byte	1
	.byte	85
	.byte	159
	.byte	0
.Ldebug_loc8:
	.byte	4
	.uleb128 .Lfunc_begin13-.Lfunc_begin0
	.uleb128 .Ltmp48-.Lfunc_begin0
	.byte	1
	.byte	84
	.byte	4
	.uleb128 .Ltmp48-.Lfunc_begin0
	.uleb128 .Lfunc_end13-.Lfunc_begin0
	.byte	4
	.byte	163
	.byte	1
	.byte	84
	.byte	159
	.byte	0
.Ldebug_list_header_end0:
	.section	.debug_abbrev,"",@progbits
	.byte	1
	.byte	17
	.byte	1
	.byte	37
	.byte	37
	.byte	19
	.byte	5
	.byte	3
	.byte	37
	.byte	114
	.byte	23
	.byte	16
	.byte	23
	.byte	17
	.byte	27
	.byte	18
	.byte	6
	.byte	115
	.byte	23
	.ascii	"\214\001"
	.byte	23
	.byte	0
	.byte	0
	.byte	2
	.byte	52
	.byte	0
	.byte	3
	.byte	37
	.byte	73
	.byte	19
	.byte	63
	.byte	25
	.byte	58
	.byte	11
	.byte	59
	.byte	11
	.byte	2
	.byte	24
	.byte	0
	.byte	0
	.byte	3
	.byte	1
	.byte	1
	.byte	73
	.byte	19
	.byte	0
	.byte	0
	.byte	4
	.byte	33
	.byte	0
	.byte	73
	.byte	19
	.byte	55
	.byte	11
	.byte	0
	.byte	0
	.byte	5
	.byte	53
	.byte	0
	.byte	73
	.byte	19
	.byte	0
	.byte	0
	.byte	6
	.byte	15
	.byte	0
	.byte	0
	.byte	0
	.byte	7
	.byte	36
	.byte	0
	.byte	3
	.byte	37
	.byte	11
	.byte	11
	.byte	62
	.byte	11
	.byte	0
	.byte	0
	.byte	8
	.byte	57
	.byte	1
	.byte	3
	.byte	37
	.byte	0
	.byte	0
	.byte	9
	.byte	4
	.byte	1
	.byte	73
	.byte	19
	.byte	109
	.byte	25
	.byte	3
	.byte	37
	.byte	11
	.byte	11
	.byte	58
	.byte	11
	.byte	59
	.byte	11
	.byte	0
	.byte	0
	.byte	10
	.byte	40
	.byte	0
	.byte	3
	.byte	37
	.byte	28
	.byte	13
	.byte	0
	.byte	0
	.byte	11
	.byte	19
	.byte	1
	.byte	54
	.byte	11
	.byte	3
	.byte	37
	.byte	11
	.byte	11
	.byte	58
	.byte	11
	.byte	59
	.byte	11
	.byte	0
	.byte	0
	.byte	12
	.byte	13
	.byte	0
	.byte	3
	.byte	37
	.byte	73
	.byte	19
	.byte	58
	.byte	11
	.byte	59
	.byte	11
	.byte	56
	.byte	11
	.byte	0
	.byte	0
	.byte	13
	.byte	47
	.byte	0
	.byte	73
	.byte	19
	.byte	3
	.byte	37
	.byte	0
	.byte	0
	.byte	14
	.byte	48
	.byte	0
	.byte	73
	.byte	19
	.byte	3
	.byte	37
	.byte	28
	.byte	13
	.byte	0
	.byte	0
	.byte	15
	.byte	23
	.byte	1
	.byte	54
	.byte	11
	.byte	3
	.byte	37
	.byte	11
	.byte	11
	.byte	58
	.byte	11
	.byte	59
	.byte	11
	.byte	0
	.byte	0
	.byte	16
	.byte	22
	.byte	0
	.byte	73
	.byte	19
	.byte	3
	.byte	37
	.byte	58
	.byte	11
	.byte	59
	.byte	11
	.byte	0
	.byte	0
	.byte	17
	.byte	36
	.byte	0
	.byte	3
	.byte	37
	.byte	62
	.byte	11
	.byte	11
	.byte	11
	.byte	0
	.byte	0
	.byte	18
	.byte	46
	.byte	1
	.byte	17
	.byte	27
	.byte	18
	.byte	6
	.byte	64
	.byte	24
	.byte	122
	.byte	25
	.byte	3
	.byte	37
	.byte	58
	.byte	11
	.byte	59
	.byte	11
	.byte	63
	.byte	25
	.byte	0
	.byte	0
	.byte	19
	.byte	5
	.byte	0
	.byte	2
	.byte	34
	.byte	3
	.byte	37
	.byte	58
	.byte	11
	.byte	59
	.byte	11
	.byte	73
	.byte	19
	.byte	0
	.byte	0
	.byte	20
	.byte	72
	.byte	1
	.byte	127
	.byte	19
	.byte	125
	.byte	27
	.ascii	"\216|"
	.byte	19
	.byte	0
	.byte	0
	.byte	21
	.byte	73
	.byte	0
	.byte	2
	.byte	24
	.byte	126
	.byte	24
	.byte	0
	.byte	0
	.byte	22
	.byte	46
	.byte	1
	.byte	110
	.byte	37
	.byte	3
	.byte	37
	.byte	73
	.byte	19
	.byte	60
	.byte	25
	.byte	52
	.byte	25
	.byte	63
	.byte	25
	.byte	0
	.byte	0
	.byte	23
	.byte	5
	.byte	0
	.byte	73
	.byte	19
	.byte	0
	.byte	0
	.byte	24
	.byte	72
	.byte	0
	.byte	127
	.byte	19
	.byte	125
	.byte	27
	.ascii	"\216|"
	.byte	19
	.byte	0
	.byte	0
	.byte	25
	.byte	15
	.byte	0
	.byte	73
	.byte	19
	.byte	0
	.byte	0
	.byte	26
	.byte	38
	.byte	0
	.byte	73
	.byte	19
	.byte	0
	.byte	0
	.byte	27
	.byte	57
	.byte	1
	.byte	0
	.byte	0
	.byte	28
	.byte	72
	.byte	1
	.byte	127
	.byte	19
	.byte	125
	.byte	27
	.byte	0
	.byte	0
	.byte	29
	.byte	46
	.byte	1
	.byte	110
	.byte	37
	.byte	3
	.byte	37
	.byte	58
	.byte	11
	.byte	59
	.byte	11
	.byte	73
	.byte	19
	.byte	32
	.byte	33
	.byte	1
	.byte	0
	.byte	0
	.byte	30
	.byte	5
	.byte	0
	.byte	3
	.byte	37
	.byte	58
	.byte	11
	.byte	59
	.byte	11
	.byte	73
	.byte	19
	.byte	0
	.byte	0
	.byte	31
	.byte	29
	.byte	1
	.byte	49
	.byte	19
	.byte	17
	.byte	27
	.byte	18
	.byte	6
	.byte	88
	.byte	11
	.byte	89
	.byte	11
	.byte	0
	.byte	0
	.byte	32
	.byte	5
	.byte	0
	.byte	2
	.byte	34
	.byte	49
	.byte	19
	.byte	0
	.byte	0
	.byte	33
	.byte	46
	.byte	1
	.byte	17
	.byte	27
	.byte	18
	.byte	6
	.byte	64
	.byte	24
	.byte	122
	.byte	25
	.byte	3
	.byte	37
	.byte	58
	.byte	11
	.byte	59
	.byte	11
	.byte	73
	.byte	19
	.byte	63
	.byte	25
	.byte	0
	.byte	0
	.byte	34
	.byte	5
	.byte	0
	.byte	2
	.byte	34
	.byte	58
	.byte	11
	.byte	59
	.byte	11
	.byte	73
	.byte	19
	.byte	0
	.byte	0
	.byte	35
	.byte	72
	.byte	0
	.byte	127
	.byte	19
	.byte	125
	.byte	27
	.byte	0
	.byte	0
	.byte	0
	.section	.debug_info,"",@progbits
.Lcu_begin0:
	.long	.Ldebug_info_end0-.Ldebug_info_start0
.Ldebug_info_start0:
	.short	5
	.byte	1
	.byte	8
	.long	.debug_abbrev
	.byte	1
	.byte	0
	.short	33
	.byte	1
	.long	.Lstr_offsets_base0
	.long	.Lline_table_start0
	.byte	1
	.long	.Lfunc_end13-.Lfunc_begin0
	.long	.Laddr_table_base0
	.long	.Lloclists_table_base0
	.byte	2
	.byte	2
	.long	49

	.byte	0
	.byte	28
	.byte	2
	.byte	161
	.byte	0
	.byte	3
	.long	61
	.byte	4
	.long	67
	.byte	16
	.byte	0
	.byte	5
	.long	66
	.byte	6
	.byte	7
	.byte	3
	.byte	8
	.byte	7
	.byte	8
	.byte	4
	.byte	9
	.long	199

	.byte	7
	.byte	4
	.byte	0
	.byte	19
	.byte	10
	.byte	6
	.byte	0
	.byte	0
	.byte	11
	.byte	5
	.byte	17
	.byte	12
	.byte	0
	.byte	6
	.byte	12
	.byte	14
	.long	199
	.byte	0
	.byte	7
	.byte	0
	.byte	12
	.byte	15
	.long	199
	.byte	0
	.byte	7
	.byte	4
	.byte	12
	.byte	16
	.long	199
	.byte	0
	.byte	7
	.byte	8
	.byte	11
	.byte	5
	.byte	20
	.byte	8
	.byte	0
	.byte	8
	.byte	12
	.byte	18
	.long	361
	.byte	0
	.byte	9
	.byte	0
	.byte	0
	.byte	0
	.byte	11
	.byte	5
	.byte	25
	.byte	40
	.byte	0
	.byte	12
	.byte	13
	.long	394
	.byte	22
	.byte	14
	.long	199
	.byte	23
	.byte	40
	.byte	12
	.byte	24
	.long	398
	.byte	0
	.byte	13
	.byte	0
	.byte	0
	.byte	15
	.byte	5
	.byte	28
	.byte	8
	.byte	0
	.byte	15
	.byte	12
	.byte	26
	.long	199
	.byte	0
	.byte	16
	.byte	0
	.byte	12
	.byte	27
	.long	301
	.byte	0
	.byte	17
	.byte	0
	.byte	0
	.byte	16
	.long	86
	.byte	29
	.byte	0
	.byte	20
	.byte	0
	.byte	17
	.byte	5
	.byte	5
	.byte	4
	.byte	18
	.byte	1
	.long	.Lfunc_end0-.Lfunc_begin0
	.byte	1
	.byte	87

	.byte	35
	.byte	0
	.byte	32

	.byte	19
	.byte	0
	.byte	33
	.byte	0
	.byte	32
	.long	199
	.byte	20
	.long	240
	.byte	2
	.long	199
	.byte	21
	.byte	1
	.byte	85
	.byte	1
	.byte	52
	.byte	0
	.byte	0
	.byte	22
	.byte	8
	.byte	9
	.long	66



	.byte	23
	.long	253
	.byte	0
	.byte	17
	.byte	10
	.byte	7
	.byte	8
	.byte	18
	.byte	3
	.long	.Lfunc_end1-.Lfunc_begin1
	.byte	1
	.byte	87

	.byte	36
	.byte	0
	.byte	33

	.byte	19
	.byte	1
	.byte	33
	.byte	0
	.byte	33
	.long	199
	.byte	24
	.long	288
	.byte	4
	.long	301
	.byte	0
	.byte	22
	.byte	11
	.byte	12
	.long	66



	.byte	23
	.long	253
	.byte	0
	.byte	17
	.byte	13
	.byte	4
	.byte	8
	.byte	18
	.byte	5
	.long	.Lfunc_end2-.Lfunc_begin2
	.byte	1
	.byte	87

	.byte	37
	.byte	0
	.byte	34

	.byte	20
	.long	240
	.byte	6
	.long	86
	.byte	21
	.byte	1
	.byte	85
	.byte	1
	.byte	60
	.byte	0
	.byte	0
	.byte	18
	.byte	7
	.long	.Lfunc_end3-.Lfunc_begin3
	.byte	1
	.byte	87

	.byte	38
	.byte	0
	.byte	35

	.byte	20
	.long	240
	.byte	8
	.long	119
	.byte	21
	.byte	1
	.byte	85
	.byte	1
	.byte	56
	.byte	0
	.byte	0
	.byte	17
	.byte	19
	.byte	5
	.byte	8
	.byte	18
	.byte	9
	.long	.Lfunc_end4-.Lfunc_begin4
	.byte	1
	.byte	87

	.byte	39
	.byte	0
	.byte	36

	.byte	20
	.long	240
	.byte	10
	.long	136
	.byte	21
	.byte	1
	.byte	85
	.byte	2
	.byte	16
	.byte	40
	.byte	0
	.byte	0
	.byte	17
	.byte	21
	.byte	6
	.byte	1
	.byte	3
	.long	394
	.byte	4
	.long	67
	.byte	40
	.byte	0
	.byte	18
	.byte	11
	.long	.Lfunc_end5-.Lfunc_begin5
	.byte	1
	.byte	87

	.byte	40
	.byte	0
	.byte	37

	.byte	20
	.long	240
	.byte	12
	.long	165
	.byte	21
	.byte	1
	.byte	85
	.byte	1
	.byte	56
	.byte	0
	.byte	0
	.byte	18
	.byte	13
	.long	.Lfunc_end6-.Lfunc_begin6
	.byte	1
	.byte	87

	.byte	41
	.byte	0
	.byte	38

	.byte	19
	.byte	2
	.byte	33
	.byte	0
	.byte	38
	.long	199
	.byte	24
	.long	288
	.byte	14
	.long	469
	.byte	0
	.byte	25
	.long	474
	.byte	26
	.long	394
	.byte	18
	.byte	15
	.long	.Lfunc_end7-.Lfunc_begin7
	.byte	1
	.byte	87

	.byte	42
	.byte	0
	.byte	39

	.byte	20
	.long	240
	.byte	16
	.long	190
	.byte	21
	.byte	1
	.byte	85
	.byte	1
	.byte	60
	.byte	0
	.byte	0
	.byte	18
	.byte	17
	.long	.Lfunc_end8-.Lfunc_begin8
	.byte	1
	.byte	87

	.byte	43
	.byte	0
	.byte	40

	.byte	20
	.long	240
	.byte	18
	.long	73
	.byte	21
	.byte	1
	.byte	85
	.byte	1
	.byte	52
	.byte	0
	.byte	0
	.byte	18
	.byte	19
	.long	.Lfunc_end9-.Lfunc_begin9
	.byte	1
	.byte	87

	.byte	44
	.byte	0
	.byte	41

	.byte	20
	.long	240
	.byte	20
	.long	564
	.byte	21
	.byte	1
	.byte	85
	.byte	1
	.byte	52
	.byte	0
	.byte	0
	.byte	27
	.byte	11
	.byte	5
	.byte	30
	.byte	4
	.byte	0
	.byte	23
	.byte	12
	.byte	18
	.long	199
	.byte	0
	.byte	24
	.byte	0
	.byte	0
	.byte	0
	.byte	18
	.byte	21
	.long	.Lfunc_end10-.Lfunc_begin10
	.byte	1
	.byte	87

	.byte	45
	.byte	0
	.byte	42

	.byte	19
	.byte	3
	.byte	33
	.byte	0
	.byte	42
	.long	253
	.byte	28
	.long	240
	.byte	22
	.byte	21
	.byte	1
	.byte	85
	.byte	3
	.byte	163
	.byte	1
	.byte	85
	.byte	0
	.byte	0
	.byte	18
	.byte	23
	.long	.Lfunc_end11-.Lfunc_begin11
	.byte	1
	.byte	87

	.byte	46
	.byte	0
	.byte	43

	.byte	19
	.byte	4
	.byte	33
	.byte	0
	.byte	43
	.long	199
	.byte	24
	.long	288
	.byte	24
	.long	66
	.byte	0
	.byte	29
	.byte	31
	.byte	32
	.byte	0
	.byte	45
	.long	199

	.byte	30
	.byte	33
	.byte	0
	.byte	45
	.long	199
	.byte	11
	.byte	5
	.byte	34
	.byte	4
	.byte	0
	.byte	47
	.byte	12
	.byte	18
	.long	199
	.byte	0
	.byte	48
	.byte	0
	.byte	0
	.byte	0
	.byte	18
	.byte	25
	.long	.Lfunc_end12-.Lfunc_begin12
	.byte	1
	.byte	87

	.byte	47
	.byte	0
	.byte	54

	.byte	19
	.byte	5
	.byte	33
	.byte	0
	.byte	54
	.long	199
	.byte	31
	.long	647
	.byte	26
	.long	.Ltmp44-.Ltmp41
	.byte	0
	.byte	54
	.byte	32
	.byte	6
	.long	656
	.byte	0
	.byte	20
	.long	240
	.byte	27
	.long	664
	.byte	21
	.byte	1
	.byte	85
	.byte	1
	.byte	52
	.byte	0
	.byte	0
	.byte	33
	.byte	28
	.long	.Lfunc_end13-.Lfunc_begin13
	.byte	1
	.byte	87

	.byte	48
	.byte	0
	.byte	56
	.long	199

	.byte	19
	.byte	7
	.byte	49
	.byte	0
	.byte	56
	.long	199
	.byte	34
	.byte	8
	.byte	0
	.byte	56
	.long	890
	.byte	28
	.long	203
	.byte	29
	.byte	21
	.byte	1
	.byte	85
	.byte	3
	.byte	163
	.byte	1
	.byte	85
	.byte	0
	.byte	28
	.long	257
	.byte	30
	.byte	21
	.byte	1
	.byte	85
	.byte	2
	.byte	115
	.byte	5
	.byte	0
	.byte	35
	.long	305
	.byte	31
	.byte	35
	.long	333
	.byte	32
	.byte	35
	.long	365
	.byte	33
	.byte	35
	.long	410
	.byte	34
	.byte	28
	.long	438
	.byte	35
	.byte	21
	.byte	1
	.byte	85
	.byte	2
	.byte	115
	.byte	3
	.byte	0
	.byte	35
	.long	479
	.byte	36
	.byte	35
	.long	507
	.byte	37
	.byte	35
	.long	535
	.byte	38
	.byte	28
	.long	581
	.byte	39
	.byte	21
	.byte	1
	.byte	85
	.byte	1
	.byte	60
	.byte	0
	.byte	28
	.long	616
	.byte	40
	.byte	21
	.byte	1
	.byte	85
	.byte	2
	.byte	115
	.byte	0
	.byte	0
	.byte	28
	.long	681
	.byte	41
	.byte	21
	.byte	1
	.byte	85
	.byte	2
	.byte	115
	.byte	0
	.byte	0
	.byte	0
	.byte	25
	.long	895
	.byte	25
	.long	394
	.byte	0
.Ldebug_info_end0:
	.section	.debug_str_offsets,"",@progbits
	.long	204
	.short	5
	.short	0
.Lstr_offsets_base0:
	.section	.debug_str,"MS",@progbits,1
.Linfo_string0:
	.byte	0
.Linfo_string1:
	.asciz	"new_types.cc"
.Linfo_string2:
	.asciz	"kept"
.Linfo_string3:
	.asciz	"__ARRAY_SIZE_TYPE__"
.Linfo_string4:
	.asciz	"app"
.Linfo_string5:
	.asciz	"int"
.Linfo_string6:
	.asciz	"ONE"
.Linfo_string7:
	.asciz	"Kind"
.Linfo_string8:
	.asciz	"_Znwm"
.Linfo_string9:
	.asciz	"operator new"
.Linfo_string10:
	.asciz	"unsigned long"
.Linfo_string11:
	.asciz	"_Znam"
.Linfo_string12:
	.asciz	"operator new[]"
.Linfo_string13:
	.asciz	"double"
.Linfo_string14:
	.asciz	"a"
.Linfo_string15:
	.asciz	"b"
.Linfo_string16:
	.asciz	"c"
.Linfo_string17:
	.asciz	"Plain"
.Linfo_string18:
	.asciz	"x"
.Linfo_string19:
	.asciz	"long"
.Linfo_string20:
	.asciz	"Inner"
.Linfo_string21:
	.asciz	"char"
.Linfo_string22:
	.asciz	"T"
.Linfo_string23:
	.asciz	"N"
.Linfo_string24:
	.asciz	"text"
.Linfo_string25:
	.asciz	"Part<char, 40>"
.Linfo_string26:
	.asciz	"i"
.Linfo_string27:
	.asciz	"d"
.Linfo_string28:
	.asciz	"Both"
.Linfo_string29:
	.asciz	"Alias"
.Linfo_string30:
	.asciz	"Hidden"
.Linfo_string31:
	.asciz	"_ZL5locali"
.Linfo_string32:
	.asciz	"local"
.Linfo_string33:
	.asciz	"n"
.Linfo_string34:
	.asciz	"Local"
.Linfo_string35:
	.asciz	"make_int"
.Linfo_string36:
	.asciz	"make_array"
.Linfo_string37:
	.asciz	"make_plain"
.Linfo_string38:
	.asciz	"make_inner"
.Linfo_string39:
	.asciz	"make_part"
.Linfo_string40:
	.asciz	"make_both"
.Linfo_string41:
	.asciz	"make_pointers"
.Linfo_string42:
	.asciz	"make_alias"
.Linfo_string43:
	.asciz	"make_kind"
.Linfo_string44:
	.asciz	"make_hidden"
.Linfo_string45:
	.asciz	"make_untold"
.Linfo_string46:
	.asciz	"make_void"
.Linfo_string47:
	.asciz	"make_local"
.Linfo_string48:
	.asciz	"main"
.Linfo_string49:
	.asciz	"argc"
	.section	.debug_str_offsets,"",@progbits
	.long	.Linfo_string0
	.long	.Linfo_string1
	.long	.Linfo_string2
	.long	.Linfo_string3
	.long	.Linfo_string4
	.long	.Linfo_string5
	.long	.Linfo_string6
	.long	.Linfo_string7
	.long	.Linfo_string8
	.long	.Linfo_string9
	.long	.Linfo_string10
	.long	.Linfo_string11
	.long	.Linfo_string12
	.long	.Linfo_string13
	.long	.Linfo_string14
	.long	.Linfo_string15
	.long	.Linfo_string16
	.long	.Linfo_string17
	.long	.Linfo_string18
	.long	.Linfo_string19
	.long	.Linfo_string20
	.long	.Linfo_string21
	.long	.Linfo_string22
	.long	.Linfo_string23
	.long	.Linfo_string24
	.long	.Linfo_string25
	.long	.Linfo_string26
	.long	.Linfo_string27
	.long	.Linfo_string28
	.long	.Linfo_string29
	.long	.Linfo_string30
	.long	.Linfo_string31
	.long	.Linfo_string32
	.long	.Linfo_string33
	.long	.Linfo_string34
	.long	.Linfo_string35
	.long	.Linfo_string36
	.long	.Linfo_string37
	.long	.Linfo_string38
	.long	.Linfo_string39
	.long	.Linfo_string40
	.long	.Linfo_string41
	.long	.Linfo_string42
	.long	.Linfo_string43
	.long	.Linfo_string44
	.long	.Linfo_string45
	.long	.Linfo_string46
	.long	.Linfo_string47
	.long	.Linfo_string48
	.long	.Linfo_string49
	.section	.debug_addr,"",@progbits
	.long	.Ldebug_addr_end0-.Ldebug_addr_start0
.Ldebug_addr_start0:
	.short	5
	.byte	8
	.byte	0
.Laddr_table_base0:
	.quad	kept
	.quad	.Lfunc_begin0
	.quad	.Ltmp2
	.quad	.Lfunc_begin1
	.quad	.Ltmp7
	.quad	.Lfunc_begin2
	.quad	.Ltmp10
	.quad	.Lfunc_begin3
	.quad	.Ltmp13
	.quad	.Lfunc_begin4
	.quad	.Ltmp16
	.quad	.Lfunc_begin5
	.quad	.Ltmp19
	.quad	.Lfunc_begin6
	.quad	.Ltmp23
	.quad	.Lfunc_begin7
	.quad	.Ltmp26
	.quad	.Lfunc_begin8
	.quad	.Ltmp29
	.quad	.Lfunc_begin9
	.quad	.Ltmp32
	.quad	.Lfunc_begin10
	.quad	.Ltmp35
	.quad	.Lfunc_begin11
	.quad	.Ltmp39
	.quad	.Lfunc_begin12
	.quad	.Ltmp41
	.quad	.Ltmp43
	.quad	.Lfunc_begin13
	.quad	.Ltmp48
	.quad	.Ltmp49
	.quad	.Ltmp50
	.quad	.Ltmp51
	.quad	.Ltmp52
	.quad	.Ltmp53
	.quad	.Ltmp54
	.quad	.Ltmp55
	.quad	.Ltmp56
	.quad	.Ltmp57
	.quad	.Ltmp58
	.quad	.Ltmp59
	.quad	.Ltmp60
.Ldebug_addr_end0:
	.section	".note.GNU-stack","",@progbits
	.section	.debug_line,"",@progbits
.Lline_table_start0:
