/** ELF machine numbers by architecture. Source: elf(5), `e_machine`. */
const MACHINES: Readonly<Record<string, number>> = { amd64: 0x3e, arm64: 0xb7 };

/** Machine code of `exit(0)` on Linux by architecture. */
const EXIT: Readonly<Record<string, readonly number[]>> = {
  // mov eax, 60; xor edi, edi; syscall
  amd64: [0xb8, 60, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05],
  // mov x8, #93; mov x0, #0; svc #0
  arm64: [0xa8, 0x0b, 0x80, 0xd2, 0x00, 0x00, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4],
};

/** Architectures for which there is a program. */
export type ProbeArchitecture = "amd64" | "arm64";

/** Path of the program in the archive. */
export const PROBE = "/exit";

const LOAD_ADDRESS = 0x400000;
const ELF_HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const TAR_BLOCK_BYTES = 512;

/** A tar archive with one program that ends with the exit code 0: a root file system for `docker import`, so that no image is pulled. */
export function probeArchive(architecture: ProbeArchitecture): Buffer {
  const program = elf(MACHINES[architecture], Buffer.from(EXIT[architecture]));
  const padding = Buffer.alloc(TAR_BLOCK_BYTES - (program.length % TAR_BLOCK_BYTES));
  return Buffer.concat([
    tarHeader(PROBE.slice(1), program.length),
    program,
    padding,
    Buffer.alloc(2 * TAR_BLOCK_BYTES),
  ]);
}

/** A static ELF program with one segment. Source: elf(5). */
function elf(machine: number, code: Buffer): Buffer {
  const headerBytes = ELF_HEADER_BYTES + PROGRAM_HEADER_BYTES;
  const size = BigInt(headerBytes + code.length);
  const header = Buffer.alloc(headerBytes);
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]); // 64-bit, little-endian, version 1
  header.writeUInt16LE(2, 16); // executable
  header.writeUInt16LE(machine, 18);
  header.writeUInt32LE(1, 20); // version
  header.writeBigUInt64LE(BigInt(LOAD_ADDRESS + headerBytes), 24); // entry point
  header.writeBigUInt64LE(BigInt(ELF_HEADER_BYTES), 32); // offset of the program header
  header.writeUInt16LE(ELF_HEADER_BYTES, 52);
  header.writeUInt16LE(PROGRAM_HEADER_BYTES, 54);
  header.writeUInt16LE(1, 56); // number of program headers
  const segment = header.subarray(ELF_HEADER_BYTES);
  segment.writeUInt32LE(1, 0); // loaded into memory
  segment.writeUInt32LE(5, 4); // readable and executable
  segment.writeBigUInt64LE(BigInt(LOAD_ADDRESS), 16);
  segment.writeBigUInt64LE(BigInt(LOAD_ADDRESS), 24);
  segment.writeBigUInt64LE(size, 32); // in the file
  segment.writeBigUInt64LE(size, 40); // in memory
  segment.writeBigUInt64LE(0x10000n, 48); // alignment, for pages of up to 64 KiB
  return Buffer.concat([header, code]);
}

/** The header of an executable file in the format ustar. */
function tarHeader(name: string, size: number): Buffer {
  const header = Buffer.alloc(TAR_BLOCK_BYTES);
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, "0")}\0`;
  header.write(name, 0);
  header.write(octal(0o755, 7), 100);
  header.write(octal(0, 7), 108); // owner
  header.write(octal(0, 7), 116); // group
  header.write(octal(size, 11), 124);
  header.write(octal(0, 11), 136); // modification time
  header.write("        0", 148); // the checksum counts as spaces; a file
  header.write("ustar\x0000", 257);
  header.write(
    `${octal(
      header.reduce((sum, byte) => sum + byte, 0),
      6,
    )} `,
    148,
  );
  return header;
}
