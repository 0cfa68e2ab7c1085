//! Names of languages in English, Swedish, German, French and the language itself (CLDR), with the code to write.

/// Lower-case name and code, separated by a colon.
pub(super) const NAMES: &str = "abchasisch:ab abchaziska:ab abkhaze:ab abkhazian:ab afar:aa afghanska:ps afrikaans:af akan:ak albanais:sq \
     albanian:sq albanisch:sq albanska:sq allemand:de amharic:am amharique:am amharisch:am amhariska:am anglais:en \
     arabe:ar arabic:ar arabisch:ar arabiska:ar aragonais:an aragonese:an aragonesisch:an aragonesiska:an \
     aragonés:an armenian:hy armenisch:hy armeniska:hy arménien:hy aserbaidschanisch:az assamais:as assamese:as \
     assamesisch:as assamesiska:as asụsụ_igbo:ig avar:av avaric:av avariska:av avañe’ẽ:gn avestan:ae avestique:ae \
     avestisch:ae avestiska:ae awarisch:av aymara:ay azerbaijani:az azerbajdzjanska:az azerbaïdjanais:az \
     azərbaycan:az bachkir:ba bamanakan:bm bambara:bm bangla:bn basa_sunda:su baschkirisch:ba bashkir:ba \
     basjkiriska:ba baskisch:eu baskiska:eu basque:eu belarusian:be belarusiska:be belarussisch:be bengali:bn \
     bengalisch:bn bichelamar:bi birman:my birmanisch:my bislama:bi biélorusse:be bokmål:nb bosanski:bs bosnian:bs \
     bosniaque:bs bosnisch:bs bosniska:bs breton:br bretonisch:br bretonska:br brezhoneg:br bulgare:bg bulgarian:bg \
     bulgarisch:bg bulgariska:bg burmese:my burmesiska:my cachemiri:ks castellano:es catalan:ca català:ca \
     chamorro:ch chechen:ce chewa:ny chinese:zh chinesisch:zh chinois:zh chishona:sn church_slavic:cu chuvash:cv \
     cingalais:si cornique:kw cornish:kw corse:co corsican:co corsu:co coréen:ko cree:cr croate:hr croatian:hr \
     créole_haïtien:ht cymraeg:cy czech:cs danish:da danois:da dansk:da danska:da davvisámegiella:se deutsch:de \
     dhivehi:dv diné_bizaad:nv divehi:dv dutch:nl dzongkha:dz dänisch:da eesti:et engelska:en englisch:en \
     english:en espagnol:es español:es esperanto:eo espéranto:eo estnisch:et estniska:et estonian:et estonien:et \
     euskara:eu ewe:ee eʋegbe:ee faroese:fo farsi:fa fidjien:fj fidschi:fj fijian:fj fijianska:fj finnisch:fi \
     finnish:fi finnois:fi finska:fi flemish:nl franska:fr französisch:fr français:fr french:fr \
     frison_occidental:fy frysk:fy ful:ff fula:ff fulani:ff färöisch:fo färöiska:fo féroïen:fo føroyskt:fo \
     gaeilge:ga gaelg:gv galego:gl galician:gl galicien:gl galicisch:gl galiciska:gl gallois:cy ganda:lg \
     gaélique_écossais:gd georgian:ka georgisch:ka georgiska:ka german:de goudjarati:gu grec:el greek:el \
     grekiska:el griechisch:el groenlandais:kl grönländisch:kl grönländska:kl guarani:gn guaraní:gn gujarati:gu \
     gàidhlig:gd géorgien:ka gĩgĩkũyũ:ki haiti-kreolisch:ht haitian_creole:ht haitiska:ht haoussa:ha hausa:ha \
     haussa:ha hebreiska:he hebrew:he hebräisch:he herero:hz hindi:hi hiri_motu:ho hiri-motu:ho hirimotu:ho \
     hongrois:hu hrvatski:hr hungarian:hu hébreu:he héréro:hz icelandic:is ido:io igbo:ig ikinyarwanda:rw \
     ikirundi:rn indonesia:id indonesian:id indonesisch:id indonesiska:id indonésien:id interlingua:ia \
     interlingue:ie inuktitut:iu inupiak:ik inupiaq:ik irisch:ga irish:ga iriska:ga irlandais:ga isindebele:nd \
     isixhosa:xh isizulu:zu islandais:is isländisch:is isländska:is italian:it italiano:it italien:it \
     italienisch:it italienska:it japanese:ja japanisch:ja japanska:ja japonais:ja javanais:jv javanese:jv \
     javanesiska:jv javanisch:jv jawa:jv jiddisch:yi kalaallisut:kl kambodjanska:km kannada:kn kanouri:kr kanuri:kr \
     kasachisch:kk kaschmiri:ks kashmiri:ks kashmiriska:ks katalanisch:ca katalanska:ca kazakh:kk kazakiska:kk \
     kernewek:kw khmer:km kikongo:kg kikuyu:ki kinesiska:zh kinjarwanda:rw kinyarwanda:rw kirchenslawisch:cu \
     kirghize:ky kirgisisch:ky kirgiziska:ky kiswahili:sw kome:kv komi:kv kongo:kg kongolesisch:kg korean:ko \
     koreanisch:ko koreanska:ko kornisch:kw korniska:kw korsikanska:co korsisch:co kreyòl_ayisyen:ht kroatisch:hr \
     kroatiska:hr kuanyama:kj kurde:ku kurdisch:ku kurdish:ku kurdiska:ku kwanyama:kj kyrgyz:ky kyrkslaviska:cu \
     lao:lo laotisch:lo laotiska:lo latein:la latin:la latina:la latvian:lv latviešu:lv lea_fakatonga:to \
     lettisch:lv lettiska:lv letton:lv lietuvių:lt limbourgeois:li limburgisch:li limburgish:li limburgiska:li \
     lingala:ln lingála:ln litauisch:lt litauiska:lt lithuanian:lt lituanien:lt luba-katanga:lu luganda:lg \
     luxembourgeois:lb luxembourgish:lb luxemburgisch:lb luxemburgiska:lb lëtzebuergesch:lb macedonian:mk \
     macédonien:mk magyar:hu makedonska:mk malagassiska:mg malagasy:mg malaiisch:ms malais:ms malajiska:ms malay:ms \
     malayalam:ml maldivien:dv malgache:mg maltais:mt maltese:mt maltesisch:mt maltesiska:mt malti:mt mandarin:zh \
     mannois:gv manx:gv maori:mi marathi:mr marschallesisch:mh marshallais:mh marshallese:mh marshalliska:mh \
     mazedonisch:mk melayu:ms mongol:mn mongolian:mn mongolisch:mn mongoliska:mn māori:mi nauru:na nauruan:na \
     nauruanska:na nauruisch:na navaho:nv navajo:nv ndonga:ng ndébélé_du_nord:nd ndébélé_du_sud:nr nederlands:nl \
     nederländska:nl nepalesisch:ne nepalesiska:ne nepali:ne niederländisch:nl nord-ndebele:nd nordndebele:nd \
     nordsamisch:se nordsamiska:se norsk:nb norsk_bokmål:nb norsk_nynorsk:nn norska:nb norskt_bokmål:nb \
     north_ndebele:nd northern_sami:se norvégien:no norvégien_bokmål:nb norvégien_nynorsk:nn norwegian:nb \
     norwegian_bokmål:nb norwegian_nynorsk:nn norwegisch:no nyanja:ny nynorsk:nn nynorska:nn néerlandais:nl \
     népalais:ne occitan:oc occitanska:oc odia:or odjibwa:oj ojibwa:oj okzitanisch:oc oriya:or oromo:om oromoo:om \
     ossetic:os ossetisch:os ossetiska:os ossète:os ourdou:ur ouzbek:uz ouïghour:ug o‘zbek:uz pachto:ps pali:pi \
     paschtu:ps pashto:ps pendjabi:pa persan:fa persian:fa persisch:fa persiska:fa peul:ff polish:pl polnisch:pl \
     polonais:pl polska:pl polski:pl portugais:pt portugiesisch:pt portugisiska:pt portuguese:pt português:pt \
     pulaar:ff punjabi:pa qafar:aa quechua:qu romanche:rm romanian:ro romansh:rm română:ro roumain:ro roundi:rn \
     rumantsch:rm rumänisch:ro rumänska:ro runasimi:qu rundi:rn russe:ru russian:ru russisch:ru ryska:ru \
     rätoromanisch:rm rätoromanska:rm same_du_nord:se samoan:sm samoanisch:sm samoanska:sm sango:sg sanskrit:sa \
     sarde:sc sardinian:sc sardinska:sc sardisch:sc sardu:sc schwedisch:sv scottish_gaelic:gd serbe:sr serbian:sr \
     serbisch:sr serbiska:sr serbo-croate:sh serbo-croatian:sh serbo-kroatisch:sh serbokroatiska:sh sesotho:st \
     setswana:tn shona:sn shqip:sq sichuan_yi:ii sindhi:sd singalesiska:si singhalesisch:si sinhala:si siswati:ss \
     skotsk_gaeliska:gd slavon_d’église:cu slovak:sk slovakiska:sk slovaque:sk slovenian:sl slovenska:sl \
     slovenčina:sk slovenščina:sl slovène:sl slowakisch:sk slowenisch:sl somali:so somaliska:so soomaali:so \
     sotho_du_sud:st soundanais:su south_ndebele:nr southern_sotho:st spanisch:es spanish:es spanska:es suaheli:sw \
     sundanese:su sundanesisch:su sundanesiska:su suomi:fi suédois:sv svenska:sv swahili:sw swati:ss swazi:ss \
     swedish:sv sydndebele:nr sydsotho:st szezuan_i:ii sängö:sg süd-ndebele:nr süd-sotho:st tadjik:tg \
     tadschikisch:tg tadzjikiska:tg tagalog:tl tahitian:ty tahitien:ty tahitisch:ty tahitiska:ty tajik:tg tamil:ta \
     tamoul:ta tatar:tt tatarisch:tt tatariska:tt tchouvache:cv tchèque:cs tchétchène:ce telugu:te thai:th \
     thailändisch:th thailändska:th thaï:th tibetan:bo tibetanska:bo tibetisch:bo tibétain:bo tigrigna:ti \
     tigrinja:ti tigrinya:ti tiếng_việt:vi tjeckiska:cs tjetjenska:ce tjuvasjiska:cv tongaisch:to tongan:to \
     tonganska:to tongien:to tschechisch:cs tschetschenisch:ce tschuwaschisch:cv tshiluba:lu tshivenḓa:ve tsonga:ts \
     tswana:tn turc:tr turkish:tr turkiska:tr turkmen:tk turkmenisch:tk turkmeniska:tk turkmène:tk twi:tw tyska:de \
     télougou:te türkisch:tr türkmen_dili:tk türkçe:tr uigurisch:ug uiguriska:ug ukrainian:uk ukrainien:uk \
     ukrainisch:uk ukrainska:uk ungarisch:hu ungerska:hu urdu:ur usbekisch:uz uyghur:ug uzbek:uz uzbekiska:uz \
     vahcuengh:za vallonska:wa venda:ve vietnamese:vi vietnamesisch:vi vietnamesiska:vi vietnamien:vi volapük:vo \
     västfrisiska:fy walesiska:cy walisisch:cy wallon:wa wallonisch:wa walloon:wa walon:wa welsh:cy \
     western_frisian:fy westfriesisch:fy wolof:wo xhosa:xh xitsonga:ts yi:ii yi_du_sichuan:ii yiddish:yi yoruba:yo \
     zhuang:za zoulou:zu zulu:zu èdè_yorùbá:yo éwé:ee íslenska:is čeština:cs ελληνικά:el аԥсшәа:ab башҡорт:ba \
     беларуская:be български:bg ирон:os кыргызча:ky македонски:mk монгол:mn нохчийн:ce русский:ru српски:sr \
     татар:tt тоҷикӣ:tg українська:uk церковнослове́нскїй:cu чӑваш_чӗлхи:cv қазақ_тілі:kk հայերեն:hy ייִדיש:yi \
     עברית:he ئۇيغۇرچە:ug اردو:ur العربية:ar سنڌي:sd فارسی:fa پښتو:ps کٲشُر:ks ދިވެހިބަސް:dv नेपाली:ne मराठी:mr \
     संस्कृत_भाषा:sa हिन्दी:hi অসমীয়া:as বাংলা:bn ਪੰਜਾਬੀ:pa ગુજરાતી:gu ଓଡ଼ିଆ:or தமிழ்:ta తెలుగు:te ಕನ್ನಡ:kn \
     മലയാളം:ml සිංහල:si ไทย:th ລາວ:lo བོད་སྐད་:bo རྫོང་ཁ:dz မြန်မာ:my ქართული:ka ትግርኛ:ti አማርኛ:am ᐃᓄᒃᑎᑐᑦ:iu ខ្មែរ:km \
     中文:zh 日本語:ja ꆈꌠꉙ:ii 한국어:ko";
