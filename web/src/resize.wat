;; Pillow's resizing filter with SIMD: four times as fast as the same loops in JavaScript. See resize.ts.
;; And the way from a canvas's pixels to its input.
(module
  (memory (export "memory") 1)

  ;; Copy red, green and blue of pixels, four a turn, without alpha; return whether all were opaque. Four bytes after the
  ;; last pixel are written.
  (func (export "opaque")
    (param $from i32) (param $to i32) (param $end i32) (result i32)
    (local $four v128) (local $all v128)
    (local.set $all (v128.const i32x4 -1 -1 -1 -1))
    (loop $next
      (local.set $four (v128.load (local.get $from)))
      (local.set $all (v128.and (local.get $all) (local.get $four)))
      (v128.store align=1 (local.get $to)
        (i8x16.shuffle 0 1 2 4 5 6 8 9 10 12 13 14 0 0 0 0 (local.get $four) (local.get $four)))
      (local.set $to (i32.add (local.get $to) (i32.const 12)))
      (br_if $next (i32.lt_u (local.tee $from (i32.add (local.get $from) (i32.const 16))) (local.get $end))))
    (i32x4.all_true (i32x4.eq (i32x4.shr_u (local.get $all) (i32.const 24)) (v128.const i32x4 255 255 255 255))))

  ;; Filter rows of RGB pixels across. One byte after the last pixel is read, and one written.
  (func (export "across")
    (param $from i32) (param $to i32) (param $stride i32) (param $rows i32) (param $outputs i32)
    (param $first i32) (param $number i32) (param $weights i32) (param $most i32)
    (local $output i32) (local $at i32) (local $weight i32) (local $end i32) (local $sum v128)
    (loop $row
      (local.set $output (i32.const 0))
      (loop $pixel
        (local.set $at (i32.add (local.get $from)
          (i32.mul (i32.const 3) (i32.load (i32.add (local.get $first) (i32.shl (local.get $output) (i32.const 2)))))))
        (local.set $weight (i32.add (local.get $weights)
          (i32.shl (i32.mul (local.get $output) (local.get $most)) (i32.const 2))))
        (local.set $end (i32.add (local.get $weight)
          (i32.shl (i32.load (i32.add (local.get $number) (i32.shl (local.get $output) (i32.const 2)))) (i32.const 2))))
        (local.set $sum (v128.const i32x4 0x200000 0x200000 0x200000 0x200000))
        (loop $tap
          (local.set $sum (i32x4.add (local.get $sum) (i32x4.mul
            (v128.load32_splat (local.get $weight))
            (i32x4.extend_low_i16x8_u (i16x8.extend_low_i8x16_u (v128.load32_zero align=1 (local.get $at)))))))
          (local.set $at (i32.add (local.get $at) (i32.const 3)))
          (local.set $weight (i32.add (local.get $weight) (i32.const 4)))
          (br_if $tap (i32.lt_u (local.get $weight) (local.get $end))))
        (local.set $sum (i32x4.shr_u (local.get $sum) (i32.const 22)))
        (local.set $sum (i16x8.narrow_i32x4_u (local.get $sum) (local.get $sum)))
        (v128.store32_lane align=1 0 (local.get $to) (i8x16.narrow_i16x8_u (local.get $sum) (local.get $sum)))
        (local.set $to (i32.add (local.get $to) (i32.const 3)))
        (local.set $output (i32.add (local.get $output) (i32.const 1)))
        (br_if $pixel (i32.lt_u (local.get $output) (local.get $outputs))))
      (local.set $from (i32.add (local.get $from) (local.get $stride)))
      (local.set $rows (i32.sub (local.get $rows) (i32.const 1)))
      (br_if $row (local.get $rows))))

  ;; Filter rows of bytes down, eight bytes a turn. Up to seven bytes after the last row are read, and written.
  (func (export "down")
    (param $from i32) (param $to i32) (param $stride i32) (param $outputs i32)
    (param $first i32) (param $number i32) (param $weights i32) (param $most i32)
    (local $x i32) (local $base i32) (local $at i32) (local $weight i32) (local $end i32)
    (local $factor v128) (local $bytes v128) (local $low v128) (local $high v128)
    (loop $row
      (local.set $base (i32.add (local.get $from) (i32.mul (i32.load (local.get $first)) (local.get $stride))))
      (local.set $end (i32.add (local.get $weights) (i32.shl (i32.load (local.get $number)) (i32.const 2))))
      (local.set $x (i32.const 0))
      (loop $eight
        (local.set $low (v128.const i32x4 0x200000 0x200000 0x200000 0x200000))
        (local.set $high (local.get $low))
        (local.set $at (i32.add (local.get $base) (local.get $x)))
        (local.set $weight (local.get $weights))
        (loop $tap
          (local.set $factor (v128.load32_splat (local.get $weight)))
          (local.set $bytes (v128.load8x8_u align=1 (local.get $at)))
          (local.set $low (i32x4.add (local.get $low)
            (i32x4.mul (local.get $factor) (i32x4.extend_low_i16x8_u (local.get $bytes)))))
          (local.set $high (i32x4.add (local.get $high)
            (i32x4.mul (local.get $factor) (i32x4.extend_high_i16x8_u (local.get $bytes)))))
          (local.set $at (i32.add (local.get $at) (local.get $stride)))
          (local.set $weight (i32.add (local.get $weight) (i32.const 4)))
          (br_if $tap (i32.lt_u (local.get $weight) (local.get $end))))
        (local.set $low (i16x8.narrow_i32x4_u
          (i32x4.shr_u (local.get $low) (i32.const 22)) (i32x4.shr_u (local.get $high) (i32.const 22))))
        (v128.store64_lane align=1 0 (i32.add (local.get $to) (local.get $x))
          (i8x16.narrow_i16x8_u (local.get $low) (local.get $low)))
        (local.set $x (i32.add (local.get $x) (i32.const 8)))
        (br_if $eight (i32.lt_u (local.get $x) (local.get $stride))))
      (local.set $to (i32.add (local.get $to) (local.get $stride)))
      (local.set $first (i32.add (local.get $first) (i32.const 4)))
      (local.set $number (i32.add (local.get $number) (i32.const 4)))
      (local.set $weights (i32.add (local.get $weights) (i32.shl (local.get $most) (i32.const 2))))
      (local.set $outputs (i32.sub (local.get $outputs) (i32.const 1)))
      (br_if $row (local.get $outputs)))))
