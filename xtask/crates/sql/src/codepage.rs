//! Code pages of DOS, which no browser needs: for each, the characters of the bytes from
//! 0x80 to 0xFF.

/// Of the United States: what consoles there begin with.
pub(super) const CP437: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»\
    ░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀\
    αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";

/// Of Western Europe.
pub(super) const CP850: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»\
    ░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀\
    ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u{ad}±‗¾¶§÷¸°¨·¹³²■\u{a0}";

/// Of Central Europe.
pub(super) const CP852: &str = "ÇüéâäůćçłëŐőîŹÄĆÉĹĺôöĽľŚśÖÜŤťŁ×čáíóúĄąŽžĘę¬źČş«»\
    ░▒▓│┤ÁÂĚŞ╣║╗╝Żż┐└┴┬├─┼Ăă╚╔╩╦╠═╬¤đĐĎËďŇÍÎě┘┌█▄ŢŮ▀\
    ÓßÔŃńňŠšŔÚŕŰýÝţ´\u{ad}˝˛ˇ˘§÷¸°¨˙űŘř■\u{a0}";

/// The byte that a character is in one of them.
pub(super) fn byte_of(page: &str, character: char) -> Option<u8> {
    let at = page.chars().position(|known| known == character)?;
    u8::try_from(at + 128).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_character_for_each_byte() {
        for page in [CP437, CP850, CP852] {
            assert_eq!(page.chars().count(), 128);
            let mut all: Vec<char> = page.chars().collect();
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), 128);
        }
        assert_eq!(byte_of(CP437, '├'), Some(0xC3));
        assert_eq!(byte_of(CP850, 'ß'), Some(0xE1));
        assert_eq!(byte_of(CP852, 'a'), None);
    }
}
