#pragma once

#include <linux/bpf.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace hawser::conntrack {

/** Registers of eBPF: 0 results, 1–5 arguments (lost at every call), 6–9 kept, 10 the frame (read only). */
enum Register : uint8_t { R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, FRAME };

/** Width of a load or store. */
enum class Width : uint8_t { u8 = BPF_B, u16 = BPF_H, u32 = BPF_W, u64 = BPF_DW };

/** Writes eBPF instructions one by one, with labels for jumps forward. */
class BpfAssembler {
 public:
  /** A place to jump to; bound once, behind the jumps. */
  using Label = size_t;
  Label label();
  void bind(Label label);

  void set(Register to, int32_t value);
  void set64(Register to, uint64_t value);
  void copy(Register to, Register from);
  /** `to` becomes an address in the frame. */
  void frame(Register to, int16_t offset);
  /** `to` becomes the map with this descriptor. */
  void map(Register to, int descriptor);

  void add(Register to, int32_t value);
  void add(Register to, Register value);
  void subtract(Register to, Register value);
  void bitAnd(Register to, int32_t value);
  void bitOr(Register to, Register value);
  void shiftLeft(Register to, int32_t bits);
  /** The low 32 bits, from network order to the host's. */
  void fromNetwork32(Register to);

  void load(Width width, Register to, Register from, int16_t offset);
  void store(Width width, Register to, int16_t offset, Register from);
  void store(Width width, Register to, int16_t offset, int32_t value);
  /** Adds to 64 bits in memory, atomically. */
  void addAtomically(Register to, int16_t offset, Register from);

  void jump(Label to);
  /** `operation`: BPF_JEQ, BPF_JNE, BPF_JGT, BPF_JLT, BPF_JSET, …, unsigned. */
  void jumpIf(Register left, uint8_t operation, int32_t right, Label to);
  void jumpIf(Register left, uint8_t operation, Register right, Label to);
  void call(int32_t helper);
  void exit();

  /** The program, its jumps filled in. */
  std::vector<bpf_insn> take();

 private:
  struct Jump {
    size_t instruction;
    Label label;
  };
  void emit(uint8_t code, uint8_t to, uint8_t from, int16_t offset, int32_t value);

  std::vector<bpf_insn> program_;
  std::vector<Jump> jumps_;
  std::vector<size_t> labels_;
};

}  // namespace hawser::conntrack
