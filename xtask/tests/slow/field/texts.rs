//! Text in other character sets, line ends and encodings that programs and transfers leave.
