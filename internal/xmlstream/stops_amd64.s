// The scanner looks at every byte of a stream, and most of them stand for
// themselves. Here 32 at a time are sorted into those that do and those that don't
// (stops_amd64.go), which takes a third of the time of scanning away (docs/performance.md).
//
// It reads b[:n] and nothing else, writes stops alone, calls nothing and keeps
// nothing. FuzzStops holds it against plain Go, FuzzFastPath and FuzzWindow hold what
// the scanner makes of it against the scanner without it.

#include "textflag.h"
#include "go_asm.h"

// VPSHUFB looks a byte up in these by its low four bits. A byte beyond ASCII finds 0.

// < & ] ' " by their low halves. The others have what no byte with such a half is.
DATA marks<>+0(SB)/8, $0x2726ffffff22ffff
DATA marks<>+8(SB)/8, $0x00ff5d3cffffffff
GLOBL marks<>(SB), RODATA|NOPTR, $16

// What may be wrong with two bytes that follow one another in UTF-8, one bit for each
// fault: those that the halves of the first and the high half of the second have in
// common are there (Keiser and Lemire, "Validating UTF-8 in less than one instruction
// per byte").
DATA firstHigh<>+0(SB)/8, $0x0202020202020202
DATA firstHigh<>+8(SB)/8, $0x4915012180808080
GLOBL firstHigh<>(SB), RODATA|NOPTR, $16

DATA firstLow<>+0(SB)/8, $0xcbcbcb8b8383a3e7
DATA firstLow<>+8(SB)/8, $0xcbcbdbcbcbcbcbcb
GLOBL firstLow<>(SB), RODATA|NOPTR, $16

DATA secondHigh<>+0(SB)/8, $0x0101010101010101
DATA secondHigh<>+8(SB)/8, $0x01010101babaaee6
GLOBL secondHigh<>(SB), RODATA|NOPTR, $16

// Bytes, each eight times.

DATA lowHalf<>+0(SB)/8, $0x0f0f0f0f0f0f0f0f
GLOBL lowHalf<>(SB), RODATA|NOPTR, $8

DATA space<>+0(SB)/8, $0x2020202020202020
GLOBL space<>(SB), RODATA|NOPTR, $8

// What leaves the top bit of the first byte of three or four, and of four.
DATA three<>+0(SB)/8, $0x6060606060606060
GLOBL three<>(SB), RODATA|NOPTR, $8

DATA four<>+0(SB)/8, $0x7070707070707070
GLOBL four<>(SB), RODATA|NOPTR, $8

DATA top<>+0(SB)/8, $0x8080808080808080
GLOBL top<>(SB), RODATA|NOPTR, $8

DATA ef<>+0(SB)/8, $0xefefefefefefefef
GLOBL ef<>(SB), RODATA|NOPTR, $8

DATA bf<>+0(SB)/8, $0xbfbfbfbfbfbfbfbf
GLOBL bf<>(SB), RODATA|NOPTR, $8

// What the last bytes of a block may be at most unless a character goes on behind it.
DATA whole<>+0(SB)/8, $0xffffffffffffffff
DATA whole<>+8(SB)/8, $0xffffffffffffffff
DATA whole<>+16(SB)/8, $0xffffffffffffffff
DATA whole<>+24(SB)/8, $0xbfdfefffffffffff
GLOBL whole<>(SB), RODATA|NOPTR, $32

// func findStops(b *byte, n int, stops *[stopsRoom]uint16) (done, count int)
//
// SI b, CX n, DI the next place in stops, R11 where it is full, DX offset of the block;
// Y4 the block before.
TEXT ·findStops(SB), NOSPLIT, $0-40
	MOVQ b+0(FP), SI
	MOVQ n+8(FP), CX
	MOVQ stops+16(FP), DI
	LEAQ (2*const_stopsMost)(DI), R11
	XORL DX, DX
	VPBROADCASTQ lowHalf<>(SB), Y15
	VPBROADCASTQ space<>(SB), Y14
	VPBROADCASTQ three<>(SB), Y13
	VPBROADCASTQ four<>(SB), Y12
	VPBROADCASTQ top<>(SB), Y11
	VPBROADCASTQ ef<>(SB), Y10
	VPBROADCASTQ bf<>(SB), Y9
	VBROADCASTI128 marks<>(SB), Y8
	VBROADCASTI128 firstHigh<>(SB), Y7
	VBROADCASTI128 firstLow<>(SB), Y6
	VBROADCASTI128 secondHigh<>(SB), Y5
	VPXOR Y4, Y4, Y4

block:
	VMOVDQU (SI)(DX*1), Y0

	// AX: stops in ASCII, BX: bytes beyond it, which are less than a space too.
	VPCMPGTB Y0, Y14, Y1
	VPSHUFB Y0, Y8, Y2
	VPCMPEQB Y0, Y2, Y2
	VPOR Y1, Y2, Y2
	VPMOVMSKB Y2, AX
	VPMOVMSKB Y0, BX
	XORL BX, AX

	// Y1, Y2, Y3: the block, but one, two and three bytes earlier.
	VPERM2I128 $0x21, Y0, Y4, Y4
	VPALIGNR $15, Y4, Y0, Y1
	VPALIGNR $14, Y4, Y0, Y2
	VPALIGNR $13, Y4, Y0, Y3

	// Y2: where the third or fourth byte of a character has to be.
	VPSUBUSB Y13, Y2, Y2
	VPSUBUSB Y12, Y3, Y3
	VPOR Y2, Y3, Y2
	VPAND Y11, Y2, Y2

	// Y3: faults of the pairs, among them two that go on, which is just what Y2 wants.
	VPAND Y15, Y1, Y3
	VPSHUFB Y3, Y6, Y3
	VPSRLW $4, Y1, Y4
	VPAND Y15, Y4, Y4
	VPSHUFB Y4, Y7, Y4
	VPAND Y3, Y4, Y3
	VPSRLW $4, Y0, Y4
	VPAND Y15, Y4, Y4
	VPSHUFB Y4, Y5, Y4
	VPAND Y3, Y4, Y3
	VPXOR Y2, Y3, Y2

	// EF BF begins the noncharacters U+FFFE and U+FFFF, and little that is in use.
	VPCMPEQB Y10, Y1, Y1
	VPCMPEQB Y9, Y0, Y3
	VPAND Y1, Y3, Y1
	VPOR Y1, Y2, Y2
	VPTEST Y2, Y2
	JNZ fault
	VMOVDQA Y0, Y4

list:
	// Four places without a look at how many there are: it would be guessed wrong.
	POPCNTL AX, R8
	TZCNTL AX, R9
	ADDL DX, R9
	MOVW R9, (DI)
	BLSRL AX, AX
	TZCNTL AX, R9
	ADDL DX, R9
	MOVW R9, 2(DI)
	BLSRL AX, AX
	TZCNTL AX, R9
	ADDL DX, R9
	MOVW R9, 4(DI)
	BLSRL AX, AX
	TZCNTL AX, R9
	ADDL DX, R9
	MOVW R9, 6(DI)
	BLSRL AX, AX
	JNZ many

listed:
	LEAQ (DI)(R8*2), DI
	ADDQ $const_block, DX
	CMPQ DI, R11
	JAE end
	CMPQ DX, CX
	JB block

end:
	// A character that goes on behind the last block is a stop.
	VPSUBUSB whole<>(SB), Y4, Y4
	VPXOR Y1, Y1, Y1
	VPCMPEQB Y4, Y1, Y4
	VPMOVMSKB Y4, AX
	NOTL AX
	POPCNTL AX, R8
	TZCNTL AX, AX
	LEAL -const_block(DX)(AX*1), AX
	MOVW AX, (DI)
	LEAQ (DI)(R8*2), DI
	MOVW DX, (DI)
	VZEROUPPER
	SUBQ stops+16(FP), DI
	SHRQ $1, DI
	MOVQ DX, done+24(FP)
	MOVQ DI, count+32(FP)
	RET

many:
	LEAQ 8(DI), R10

another:
	TZCNTL AX, R9
	ADDL DX, R9
	MOVW R9, (R10)
	ADDQ $2, R10
	BLSRL AX, AX
	JNZ another
	JMP listed

fault:
	TESTQ DX, DX
	JNZ before
	ORL BX, AX
	MOVQ $const_block, CX
	VPXOR Y4, Y4, Y4 // no character of it is a stop twice
	JMP list

before:
	VMOVDQU -const_block(SI)(DX*1), Y4
	JMP end

// func hasAVX2() bool
TEXT ·hasAVX2(SB), NOSPLIT, $0-1
	MOVB $0, ret+0(FP)
	XORL AX, AX
	CPUID
	CMPL AX, $7
	JB no
	MOVL $1, AX
	CPUID
	ANDL $0x18800000, CX // AVX, OSXSAVE, POPCNT
	CMPL CX, $0x18800000
	JNE no
	XORL CX, CX
	XGETBV
	ANDL $6, AX // the system keeps XMM and YMM
	CMPL AX, $6
	JNE no
	MOVL $7, AX
	XORL CX, CX
	CPUID
	ANDL $0x28, BX // AVX2, BMI1
	CMPL BX, $0x28
	JNE no
	MOVB $1, ret+0(FP)

no:
	RET
