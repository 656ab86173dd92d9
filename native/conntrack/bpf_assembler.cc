#include "conntrack/bpf_assembler.h"

namespace hawser::conntrack {

BpfAssembler::Label BpfAssembler::label() {
  labels_.push_back(0);
  return labels_.size() - 1;
}

void BpfAssembler::bind(Label label) { labels_[label] = program_.size(); }

void BpfAssembler::emit(uint8_t code, uint8_t to, uint8_t from, int16_t offset, int32_t value) {
  bpf_insn instruction{};
  instruction.code = code;
  instruction.dst_reg = to & 0xf;
  instruction.src_reg = from & 0xf;
  instruction.off = offset;
  instruction.imm = value;
  program_.push_back(instruction);
}

void BpfAssembler::set(Register to, int32_t value) { emit(BPF_ALU64 | BPF_MOV | BPF_K, to, 0, 0, value); }

void BpfAssembler::set64(Register to, uint64_t value) {
  emit(BPF_LD | BPF_DW | BPF_IMM, to, 0, 0, static_cast<int32_t>(value));
  emit(0, 0, 0, 0, static_cast<int32_t>(value >> 32));
}

void BpfAssembler::copy(Register to, Register from) { emit(BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0); }

void BpfAssembler::frame(Register to, int16_t offset) {
  copy(to, FRAME);
  add(to, offset);
}

void BpfAssembler::map(Register to, int descriptor) {
  emit(BPF_LD | BPF_DW | BPF_IMM, to, BPF_PSEUDO_MAP_FD, 0, descriptor);
  emit(0, 0, 0, 0, 0);
}

void BpfAssembler::add(Register to, int32_t value) { emit(BPF_ALU64 | BPF_ADD | BPF_K, to, 0, 0, value); }
void BpfAssembler::add(Register to, Register value) { emit(BPF_ALU64 | BPF_ADD | BPF_X, to, value, 0, 0); }
void BpfAssembler::subtract(Register to, Register value) {
  emit(BPF_ALU64 | BPF_SUB | BPF_X, to, value, 0, 0);
}
void BpfAssembler::bitAnd(Register to, int32_t value) { emit(BPF_ALU64 | BPF_AND | BPF_K, to, 0, 0, value); }
void BpfAssembler::bitOr(Register to, Register value) { emit(BPF_ALU64 | BPF_OR | BPF_X, to, value, 0, 0); }
void BpfAssembler::shiftLeft(Register to, int32_t bits) { emit(BPF_ALU64 | BPF_LSH | BPF_K, to, 0, 0, bits); }
void BpfAssembler::fromNetwork32(Register to) { emit(BPF_ALU | BPF_END | BPF_TO_BE, to, 0, 0, 32); }

void BpfAssembler::load(Width width, Register to, Register from, int16_t offset) {
  emit(BPF_LDX | BPF_MEM | static_cast<uint8_t>(width), to, from, offset, 0);
}

void BpfAssembler::store(Width width, Register to, int16_t offset, Register from) {
  emit(BPF_STX | BPF_MEM | static_cast<uint8_t>(width), to, from, offset, 0);
}

void BpfAssembler::store(Width width, Register to, int16_t offset, int32_t value) {
  emit(BPF_ST | BPF_MEM | static_cast<uint8_t>(width), to, 0, offset, value);
}

void BpfAssembler::addAtomically(Register to, int16_t offset, Register from) {
  emit(BPF_STX | BPF_XADD | BPF_DW, to, from, offset, 0);
}

void BpfAssembler::jump(Label to) {
  jumps_.push_back({program_.size(), to});
  emit(BPF_JMP | BPF_JA, 0, 0, 0, 0);
}

void BpfAssembler::jumpIf(Register left, uint8_t operation, int32_t right, Label to) {
  jumps_.push_back({program_.size(), to});
  emit(BPF_JMP | operation | BPF_K, left, 0, 0, right);
}

void BpfAssembler::jumpIf(Register left, uint8_t operation, Register right, Label to) {
  jumps_.push_back({program_.size(), to});
  emit(BPF_JMP | operation | BPF_X, left, right, 0, 0);
}

void BpfAssembler::call(int32_t helper) { emit(BPF_JMP | BPF_CALL, 0, 0, 0, helper); }
void BpfAssembler::exit() { emit(BPF_JMP | BPF_EXIT, 0, 0, 0, 0); }

std::vector<bpf_insn> BpfAssembler::take() {
  for (const Jump& jump : jumps_)
    program_[jump.instruction].off = static_cast<int16_t>(labels_[jump.label] - jump.instruction - 1);
  return std::move(program_);
}

}  // namespace hawser::conntrack
