# Alla fasta texter i ett brev, på svenska. En nyckel som läggs till här ska läggas till i de andra språken också: ett test
# jämför nycklar och variabler. Alla texter är ren text, aldrig HTML.

# Datum och tider

month-1 = januari
month-2 = februari
month-3 = mars
month-4 = april
month-5 = maj
month-6 = juni
month-7 = juli
month-8 = augusti
month-9 = september
month-10 = oktober
month-11 = november
month-12 = december
weekday-1 = måndag
weekday-2 = tisdag
weekday-3 = onsdag
weekday-4 = torsdag
weekday-5 = fredag
weekday-6 = lördag
weekday-7 = söndag
date = { $day } { $month } { $year }
date-long = { $weekday } { $day } { $month } { $year }
date-and-time = { $date } kl. { $time }
clocks-change = Klockan ställs om under den här tiden.
minutes =
    { $count ->
        [one] { $count } minut
       *[other] { $count } minuter
    }
hours =
    { $count ->
        [one] { $count } timme
       *[other] { $count } timmar
    }
days =
    { $count ->
        [one] { $count } dygn
       *[other] { $count } dygn
    }
and = och

# I varje brev

greeting = Hej { $name },
greeting-blank = Hej,
label-reference = Referens
reference-note = Ange gärna referensen { $reference } om du kontaktar oss.

# Sidfot

footer-heading = Om det här meddelandet
footer-sender = Skickat av { $organisation }, { $address }.
footer-registration = Organisationsnummer: { $number }.
footer-seat = Säte: { $seat }.
footer-why = Du får det här meddelandet som { $role } för { $customer } (konto { $account }), som har lämnat dina kontaktuppgifter till oss.
role-service = tjänstekontakt
role-security = säkerhetskontakt
role-technical = teknisk kontakt
role-legal = avtalskontakt
role-billing = fakturakontakt
footer-successor = Är du inte längre rätt person? Meddela oss vem som är det:
footer-objection = Däremot kan du invända mot behandlingen av skäl som rör din specifika situation (artikel 21.1 i GDPR). Skriv till:
footer-optional-news = Du kan när som helst tacka nej till nyheter från oss, utan att ange något skäl (artikel 21 i GDPR).
footer-optional-survey = Du kan när som helst tacka nej till enkäter från oss, utan att ange något skäl (artikel 21 i GDPR).
footer-unsubscribe-news = Avsluta utskick av nyheter
footer-unsubscribe-survey = Avsluta utskick av enkäter
footer-privacy = Frågor om personuppgifter:
footer-privacy-notice = Så behandlar vi personuppgifter:
footer-authority = Du kan lämna klagomål till tillsynsmyndigheten: { $authority }.

# Rättsliga grunder. Grunden är det som tillåter oss att använda adressen (artikel 6 i GDPR), skyldigheten är skälet till att
# meddelandet alls skickas.

basis-security_breach = Rättslig grund: en rättslig förpliktelse (artikel 6.1 c i GDPR).
basis-security_breach-suspected = Rättslig grund: vårt berättigade intresse av att varna dig i god tid (artikel 6.1 f i GDPR).
basis-disruption = Rättslig grund: vårt berättigade intresse av att hålla dig informerad om tjänsterna du använder (artikel 6.1 f i GDPR).
basis-maintenance = Rättslig grund: vårt berättigade intresse av att hålla dig informerad om tjänsterna du använder (artikel 6.1 f i GDPR).
basis-agreement_change = Rättslig grund: om du själv är kunden, vårt avtal med dig (artikel 6.1 b i GDPR), annars vårt berättigade intresse av att informera den kontaktperson som kunden har angett (artikel 6.1 f).
basis-security_measures_change = Rättslig grund: vårt berättigade intresse av att hålla dig informerad om hur dina uppgifter skyddas (artikel 6.1 f i GDPR).
basis-billing = Rättslig grund: om du själv är kunden, vårt avtal med dig (artikel 6.1 b i GDPR), annars vårt berättigade intresse av att skicka fakturor till den kontaktperson som kunden har angett (artikel 6.1 f).
basis-news = Rättslig grund: vårt berättigade intresse av att berätta för kunder om våra tjänster (artikel 6.1 f i GDPR).
basis-survey = Rättslig grund: vårt berättigade intresse av att förbättra våra tjänster (artikel 6.1 f i GDPR).

duty-processor_breach = Vår skyldighet: ett personuppgiftsbiträde ska underrätta den personuppgiftsansvarige om en personuppgiftsincident (artikel 33.2).
duty-controller_breach = Vår skyldighet: en personuppgiftsansvarig ska informera de registrerade om en personuppgiftsincident som sannolikt leder till hög risk för dem (artikel 34).
duty-security = Vår skyldighet: att hålla behandlingen säker (artikel 32.1).
duty-security_measures = Våra skyldigheter: att hålla behandlingen säker (artikel 32.1) och de som ett personuppgiftsbiträde har (artikel 28).
duty-sub_processor = Vår skyldighet: ett personuppgiftsbiträde ska meddela byte av underbiträden, så att den personuppgiftsansvarige kan invända (artikel 28.2).
duty-data_processing = Vår skyldighet: behandling för en kunds räkning ska regleras i avtal (artikel 28.3).
duty-billing = Vår skyldighet: enligt bokföringslagen ska vi utfärda och bevara fakturor (artikel 6.1 c).

refusal-security_breach = Du kan inte tacka nej till de här meddelandena: vi måste skicka dem enligt lag.
refusal-security_breach-suspected = Du kan inte tacka nej till de här meddelandena: du måste kunna agera i tid.
refusal-disruption = Du kan inte tacka nej till de här meddelandena: du måste kunna agera när en tjänst som du är beroende av inte fungerar.
refusal-maintenance = Du kan inte tacka nej till de här meddelandena: du måste kunna förbereda dig på arbeten i en tjänst som du är beroende av.
refusal-agreement_change = Du kan inte tacka nej till de här meddelandena: du måste känna till villkoren som gäller och dina rättigheter när de ändras.
refusal-security_measures_change = Du kan inte tacka nej till de här meddelandena: du måste kunna bedöma hur dina uppgifter skyddas.
refusal-billing = Du kan inte tacka nej till de här meddelandena: de är en del av faktureringen.

# Personuppgiftsincident

security_breach-label-suspected = Misstänkt personuppgiftsincident
security_breach-label-confirmed = Personuppgiftsincident
security_breach-label-update = Personuppgiftsincident: ny information
security_breach-label-final = Personuppgiftsincident: slutlig information
security_breach-subject-suspected = Misstänkt personuppgiftsincident: { $reference }
security_breach-subject = Personuppgiftsincident: { $reference }
security_breach-heading-suspected = Misstänkt personuppgiftsincident: { $reference }
security_breach-heading-confirmed = Personuppgiftsincident: { $reference }
security_breach-heading-update = Ny information om personuppgiftsincident: { $reference }
security_breach-heading-final = Slutlig information om personuppgiftsincident: { $reference }
security_breach-lead-controller-suspected = Vi utreder en säkerhetsincident där dina personuppgifter kan ha påverkats. Det är inte bekräftat. Vi berättar om det nu för att du ska kunna skydda dig och hör av oss igen så snart vi vet mer.
security_breach-lead-controller-confirmed = En säkerhetsincident har påverkat dina personuppgifter. Här står vad som har hänt, vad det kan leda till, vad vi gör åt det och vad du kan göra.
security_breach-lead-controller-update = Vi vet nu mer om säkerhetsincidenten som vi har berättat om tidigare. Det här meddelandet ersätter det vi skrev då.
security_breach-lead-controller-final = Vår utredning av säkerhetsincidenten som vi har berättat om tidigare är klar. Det här är vårt sista meddelande om den.
security_breach-lead-processor-suspected = Vi utreder en säkerhetsincident där personuppgifter som vi behandlar för din räkning kan ha påverkats. Det är inte bekräftat. Vi berättar om det nu för att du ska kunna förbereda dig och hör av oss igen så snart en incident är bekräftad eller avskriven.
security_breach-lead-processor-confirmed = En säkerhetsincident har påverkat personuppgifter som vi behandlar för din räkning. Som personuppgiftsbiträde underrättar vi dig som personuppgiftsansvarig (artikel 33.2 i GDPR).
security_breach-lead-processor-update = Vi vet nu mer om säkerhetsincidenten som vi har underrättat dig om tidigare. Det här meddelandet ersätter det vi skrev då. Kontrollera om det ändrar något som du har anmält som personuppgiftsansvarig (artikel 33.4 i GDPR).
security_breach-lead-processor-final = Vår utredning av säkerhetsincidenten som vi har underrättat dig om tidigare är klar. Det här är vårt sista meddelande om den. Kontrollera om det ändrar något som du har anmält som personuppgiftsansvarig (artikel 33.4 i GDPR).
security_breach-stage = Läge
security_breach-stage-suspected = Misstänkt, inte bekräftad
security_breach-stage-confirmed = Bekräftad
security_breach-stage-update = Ny information
security_breach-stage-final = Utredningen är klar
security_breach-discovered = Upptäcktes
security_breach-occurred-from = Började
security_breach-occurred-until = Upphörde
security_breach-data = Berörda uppgifter
security_breach-data-suspected = Uppgifter som kan vara berörda
security_breach-nature = Vad som har hänt
security_breach-nature-suspected = Vad vi vet hittills
security_breach-consequences = Vad det kan leda till
security_breach-measures = Vad vi har gjort och gör
security_breach-actions = Vad du bör göra
security_breach-duties = Dina skyldigheter som personuppgiftsansvarig
security_breach-duties-suspected = Ännu är inget bekräftat. Om en incident bekräftas kan du behöva anmäla den till din tillsynsmyndighet inom 72 timmar (artikel 33.1 i GDPR). Det du behöver för det får du i så fall från oss utan onödigt dröjsmål.
security_breach-duties-confirmed = Du ska anmäla incidenten till din tillsynsmyndighet utan onödigt dröjsmål och, om så är möjligt, inom 72 timmar efter att du fick vetskap om den, såvida det inte är osannolikt att den medför en risk för människors rättigheter och friheter (artikel 33.1 i GDPR). Om risken sannolikt är hög ska du också informera de registrerade (artikel 34). Det här meddelandet innehåller det vi vet av det som artikel 33.3 kräver: incidentens art och berörda uppgifter, sannolika konsekvenser, vidtagna åtgärder och en kontaktpunkt. Det som saknas får lämnas senare (artikel 33.4), och vi skickar det så snart vi har det.
security_breach-contact = Här får du veta mer

# Driftstörning

disruption-label-possible = Befarad driftstörning
disruption-label-investigating = Driftstörning: felsökning pågår
disruption-label-identified = Driftstörning: orsaken är hittad
disruption-label-monitoring = Driftstörning: under bevakning
disruption-label-resolved = Driftstörning: avhjälpt
disruption-subject-possible = Befarad driftstörning i { $services }
disruption-subject = Driftstörning i { $services }
disruption-heading-possible = Befarad driftstörning i { $services }
disruption-heading-investigating = Driftstörning i { $services }: felsökning pågår
disruption-heading-identified = Driftstörning i { $services }: orsaken är hittad, vi åtgärdar felet
disruption-heading-monitoring = Driftstörning i { $services }: åtgärdad, vi bevakar
disruption-heading-resolved = Driftstörning i { $services }: avhjälpt
disruption-opening = Status: { $status }.
disruption-opening-changed = Status: { $status }. Tidigare: { $before }.
disruption-opening-resolved = Avhjälpt efter { $duration }.
disruption-lead-possible = Tjänster som du använder kan komma att störas. Det är inte säkert att det blir så, men vi berättar om det nu för att du ska kunna förbereda dig.
disruption-lead-investigating = Något fungerar inte som det ska. Vi vet ännu inte varför och letar efter orsaken.
disruption-lead-identified = Vi vet vad som orsakar störningen och arbetar med att åtgärda felet.
disruption-lead-monitoring = Felet är åtgärdat. Vi bevakar tjänsten innan vi säger att störningen är över.
disruption-lead-resolved = Störningen är över och tjänsten fungerar som den ska.
disruption-status = Status
disruption-status-possible = Befarad, inte bekräftad
disruption-status-investigating = Felsökning pågår
disruption-status-identified = Orsaken är hittad, felet åtgärdas
disruption-status-monitoring = Åtgärdat, under bevakning
disruption-status-resolved = Avhjälpt
disruption-services = Tjänster
disruption-started = Började
disruption-started-possible = Risk sedan
disruption-resolved = Avhjälptes
disruption-duration = Varade i
disruption-next-update = Nästa besked
disruption-next-update-by = Senast { $time }
disruption-impact = Vad du kan märka
disruption-impact-resolved = Vad som påverkades
disruption-workaround = Vad du kan göra under tiden

# Underhåll

maintenance-label-announced = Planerat underhåll
maintenance-label-rescheduled = Underhåll: ny tid
maintenance-label-cancelled = Underhåll: inställt
maintenance-label-started = Underhåll: påbörjat
maintenance-label-completed = Underhåll: avslutat
calendar-name = Underhåll: { $organisation }
maintenance-subject = Underhåll av { $services }
maintenance-heading-announced = Planerat underhåll av { $services }: { $when }
maintenance-heading-rescheduled = Ny tid för underhåll av { $services }: { $when }
maintenance-heading-cancelled = Inställt: underhåll av { $services } den { $when }
maintenance-heading-started = Underhåll av { $services } har påbörjats
maintenance-heading-completed = Underhåll av { $services } är avslutat
maintenance-opening-announced = Planerat till { $when }.
maintenance-opening-reminder = Påminnelse: planerat till { $when }.
maintenance-opening-moved = Flyttat från { $before } till { $when }.
maintenance-opening-end_moved = Sluttiden har flyttats från { $before } till { $when }.
maintenance-opening-cancelled = Inställt: underhållet som var planerat till { $when } blir inte av.
maintenance-opening-started = Påbörjat. Planerad sluttid är { $when }.
maintenance-opening-completed = Avslutat.
maintenance-opening-completed_early = Avslutat i förtid. Planerad sluttid var { $when }.
maintenance-lead-announced = Vi kommer att utföra planerat underhåll av tjänster som du använder.
maintenance-lead-rescheduled = Ett underhåll som vi har aviserat har flyttats till en annan tid. Notera den nya tiden här nedan.
maintenance-lead-cancelled = Ett underhåll som vi har aviserat blir inte av. Du behöver inte göra något.
maintenance-lead-started = Underhållet som vi har aviserat har påbörjats.
maintenance-lead-completed = Underhållet är avslutat. Kontakta oss om något inte fungerar som förut.
maintenance-when = När
maintenance-when-rescheduled = Ny tid
maintenance-when-cancelled = Var planerat till
maintenance-previous = Tidigare tid
maintenance-no-longer = Gäller inte längre.
maintenance-cancelled-note = Blir inte av.
maintenance-duration = Längd
maintenance-services = Tjänster
maintenance-impact = Vad du kan märka
maintenance-impact-cancelled = Vad som skulle ha påverkats
maintenance-impact-completed = Vad som påverkades
maintenance-impact-level = Väntad påverkan
maintenance-impact-level-no_impact = Ingen
maintenance-impact-level-reduced_redundancy = Minskad redundans
maintenance-impact-level-degraded = Försämrad tjänst
maintenance-impact-level-outage = Avbrott
maintenance-action = Vad du behöver göra

# Avtalsändring

agreement_change-label-terms = Avtalsändring: villkor
agreement_change-label-price = Avtalsändring: priser
agreement_change-label-data_processing = Avtalsändring: personuppgiftsbehandling
agreement_change-label-sub_processor = Avtalsändring: underbiträden
agreement_change-label-other = Avtalsändring
agreement_change-subject-terms = Nya villkor från den { $date }: { $document }
agreement_change-subject-price = Nya priser från den { $date }: { $document }
agreement_change-subject-data_processing = Nya villkor för personuppgifter från den { $date }: { $document }
agreement_change-subject-sub_processor = Ändrade underbiträden från den { $date }: { $document }
agreement_change-subject-other = { $document } ändras den { $date }
agreement_change-lead-terms = Vi ändrar villkoren mellan oss. Här står vad som ändras, vad du kan göra om du inte godtar ändringen och hela den nya texten.
agreement_change-lead-price = Vi ändrar våra priser. Här står vad som ändras, vad du kan göra om du inte godtar ändringen och hela den nya texten.
agreement_change-lead-data_processing = Vi ändrar avtalet om hur vi behandlar personuppgifter för din räkning. Här står vad som ändras, vad du kan göra om du inte godtar ändringen och hela den nya texten.
agreement_change-lead-sub_processor = Vi planerar att ändra vilka underbiträden som behandlar personuppgifter för din räkning. Som personuppgiftsansvarig kan du invända innan ändringen börjar gälla (artikel 28.2 i GDPR).
agreement_change-lead-other = Vi ändrar ett avtal mellan oss. Här står vad som ändras, vad du kan göra om du inte godtar ändringen och hela den nya texten.
agreement_change-document = Dokument
agreement_change-version = Ny version
agreement_change-effective = Gäller från
agreement_change-right-until = Invänd eller säg upp senast
agreement_change-right-until-sub_processor = Invänd senast
agreement_change-summary = Vad som ändras
agreement_change-right = Din rätt att invända eller säga upp avtalet
agreement_change-right-sub_processor = Din rätt att invända
agreement_change-right-date = Du kan använda den här rätten till och med den { $date }.
agreement_change-text = Hela texten

# Ändrad säkerhetsåtgärd

security_measures_change-label = Ändrad säkerhetsåtgärd
security_measures_change-subject = Ändrad säkerhetsåtgärd från den { $date }: { $measure }
security_measures_change-lead = Vi ändrar en åtgärd som skyddar de uppgifter du har hos oss.
security_measures_change-measure = Åtgärd
security_measures_change-kind = Typ av förändring
security_measures_change-kind-technical = Teknisk
security_measures_change-kind-organisational = Organisatorisk
security_measures_change-effective = Gäller från
security_measures_change-change = Vad som ändras
security_measures_change-effect = Vad det innebär för dig

# Faktura

billing-label = Faktura
billing-subject = Faktura { $invoice }: { $amount } { $currency }, förfaller den { $date }
billing-lead = Här är uppgifterna om din faktura.
billing-invoice = Fakturanummer
billing-period = Period
billing-amount = Belopp
billing-due = Förfallodag
billing-payment-reference = Betalningsreferens

# Nyheter

news-label = Nyheter

# Enkät

survey-label = Enkät
survey-subject = Vad tycker du? { $question }
survey-heading = Vad tycker du?
survey-question = Vår fråga
survey-closes = Stänger
survey-button = Svara på enkäten
survey-voluntary = Det är frivilligt att delta.

# Sidan bakom avanmälningslänken

preferences-title = Vad vi får skicka till dig
preferences-intro = Valen gäller { $address }, för alla kundkonton där du är kontaktperson. Avmarkera det du inte vill få.
preferences-saved = Dina val är sparade.
preferences-news = Nyheter om våra tjänster
preferences-survey = Enkäter
preferences-save = Spara
preferences-mandatory = Meddelanden som vi måste skicka, till exempel om underhåll, driftstörningar, avtalsändringar, säkerhet och fakturor, påverkas inte.
link-gone-title = Länken gäller inte längre
link-gone-text = Den är ofullständig, eller så finns meddelandet den kom ifrån inte kvar hos oss. Skriv till { $contact } om du inte vill ha nyheter eller enkäter.
link-unclear-title = Inget har ändrats
link-unclear-text = Det framgick inte vad du vill. Öppna länken i ditt meddelande och välj där.
link-often-title = För många ändringar
link-often-text = Valen för adressen har ändrats många gånger den senaste timmen. Det du tackade nej till har sparats, men inte det du tackade ja till. Försök igen om en timme. Du kan alltid tacka nej.
link-failed-title = Något gick fel
link-failed-text = Inget har ändrats. Försök igen senare.

# Konsolen. Varje avsnitt hör till några av sidorna.

## Console: frame

console-thousands = " "
console-decimal = ,
console-percent = { $number } %
console-language = Svenska
console-skip = Hoppa till innehållet
console-nav = Sidor
console-nav-now = Nu
console-nav-notices = Meddelanden
console-nav-ask = Har vi sagt det?
console-nav-tasks = Uppgifter
console-nav-customers = Kunder
console-nav-people = Personers rättigheter
console-nav-preferences = Val
console-nav-suppressions = Spärrar
console-nav-inbound = Det som kom tillbaka
console-nav-relays = Reläer
console-nav-ledger = Liggare
console-nav-operators = Användare
console-nav-keys = Nycklar
console-nav-webhooks = Webhookar
console-nav-audit = Revisionslogg
console-nav-me = Mitt konto
console-sign-out = Logga ut
console-next-page = Nästa sida
console-problems =
    { $count ->
        [one] Det finns ett problem
       *[other] Det finns { $number } problem
    }
console-refusal-invalid-title = Det går inte
console-refusal-invalid-remedy = Gå tillbaka, rätta och försök igen. Inget har ändrats.
console-refusal-refused-title = Det nekades
console-refusal-refused-remedy = En regel hindrar det. Inget har ändrats.
console-refusal-not-found-title = Sidan finns inte
console-refusal-not-found-remedy = Adressen kan vara felskriven, eller så är det den pekar på borttaget.
console-refusal-conflict-title = Någon hann före
console-refusal-conflict-remedy = Det har ändrats under tiden. Se hur det är nu och bestäm dig igen.
console-refusal-unauthenticated-title = Du är inte inloggad
console-refusal-unauthenticated-remedy = Logga in och försök igen.
console-refusal-forbidden-title = Dina roller tillåter inte detta
console-refusal-forbidden-remedy = Fråga en kollega som har rollen, eller be en administratör ge dig den.
console-refusal-later-title = Inte just nu
console-refusal-later-remedy = Databasen är upptagen eller svarar inte. Inget har ändrats: försök igen om en stund.
console-refusal-failed-title = Något gick fel
console-refusal-failed-remedy = Det står i loggen. Inget har gått förlorat: försök igen, och visa en administratör om det händer igen.

## Console: sign-in

console-sign-in-title = Logga in
console-sign-in-name = Namn
console-sign-in-name-hint = Som en administratör har lagt in dig
console-sign-in-password = Lösenord
console-sign-in-button = Logga in
console-sign-in-wrong = Namnet eller lösenordet är fel. Om du inte har något lösenord än, eller har glömt det, be en administratör om en inbjudan.
console-sign-in-often = Det blev för många försök. Vänta { $seconds } sekunder och försök igen.
console-sign-in-again = Logga in igen: din session är slut.
console-sign-in-provider = Logga in med { $name }
console-sign-in-provider-failed = Inloggningen hos leverantören fungerade inte. Försök igen, eller fråga en administratör.
console-code-title = Bekräfta att det är du
console-code-text = Öppna din autentiseringsapp och skriv koden som den visar för { $organisation }.
console-code-code = Kod
console-code-hint = Sex siffror, eller en av dina återställningskoder
console-code-button = Fortsätt
console-code-wrong = Koden är fel eller redan använd. Vänta på nästa och skriv den.
console-code-other = Logga in som någon annan
console-factor-title = Ställ in tvåfaktorsinloggning
console-factor-text = En andra faktor är en kod från en app, utöver lösenordet; vissa roller kräver den. Skanna bilden med en autentiseringsapp och skriv sedan koden som den visar.
console-factor-secret = Eller skriv in denna nyckel i appen
console-factor-picture = QR-kod för nyckeln nedan
console-factor-former = Kod från den nuvarande enheten
console-factor-former-hint = Eller en av dina återställningskoder
console-factor-button = Bekräfta
console-factor-wrong = Det är inte koden för denna nyckel. Kontrollera att klockan på din enhet går rätt, och skriv koden som appen visar nu.
console-recovery-title = Spara dina återställningskoder
console-recovery-text = Var och en gäller en gång i stället för en kod, om du har tappat din enhet. De visas bara nu: skriv ut dem eller lägg dem i en lösenordshanterare.
console-recovery-button = Jag har sparat dem
console-recovery-left =
    { $count ->
        [0] Ingen återställningskod är kvar
        [one] { $number } återställningskod är kvar
       *[other] { $number } återställningskoder är kvar
    }
console-invite-title = Välkommen, { $name }
console-invite-text = Välj ett lösenord. Det är längden som räknas: flera ord som bara du skulle sätta ihop.
console-invite-password = Lösenord
console-invite-password-hint = Minst 12 tecken
console-invite-again = Lösenordet igen
console-invite-button = Spara lösenordet
console-invite-gone-title = Inbjudan gäller inte längre
console-invite-gone-text = En inbjudan gäller en gång, och i 24 timmar. Be en administratör om en ny.
console-password-short = Lösenordet har färre än 12 tecken.
console-password-long = Lösenordet har fler än 256 tecken.
console-password-common = Lösenordet är bland de första som en angripare provar. Ta flera ord som bara du skulle sätta ihop.
console-password-differs = Det är inte samma lösenord som ovan.
console-lost-title = Du är inte inloggad längre
console-lost-text = Inget sparades, och inget av det du skrev är borta: det står nedan. Logga in i en annan flik och skicka det sedan igen härifrån.
console-lost-again = Skicka igen
console-lost-sign-in = Logga in i en annan flik
console-lost-large = Formuläret var för stort för att sparas. Gå tillbaka i din webbläsare: de flesta har kvar det som skrevs.

## Console: my account

console-me-title = Mitt konto
console-me-name = Namn
console-me-roles = Roller
console-me-email = E-post
console-me-language-title = Språk och tidszon
console-me-language = Språk
console-me-language-default = Organisationens
console-me-zone = Tidszon
console-me-zone-hint = Till exempel Europe/Stockholm; tomt för organisationens, { $zone }
console-me-save = Spara
console-me-saved = Ditt språk och din tidszon är sparade.
console-me-password-title = Lösenord
console-me-password-present = Nuvarande lösenord
console-me-password-new = Nytt lösenord
console-me-password-button = Byt lösenord
console-me-password-saved = Ditt lösenord är bytt. Dina andra sessioner är avslutade.
console-me-password-wrong = Det är inte ditt nuvarande lösenord.
console-me-password-none = Du loggar in hos en leverantör och har inget lösenord här.
console-me-factor-title = Andra faktor
console-me-factor-on = Inställd { $date }
console-me-factor-off = Inte inställd
console-me-factor-set = Ställ in tvåfaktorsinloggning
console-me-factor-replace = Ställ in en annan enhet
console-me-codes = Gör nya återställningskoder
console-me-sessions-title = Sessioner
console-me-sessions-text = Där du är inloggad. Avsluta det du inte känner igen och byt sedan lösenord.
console-me-session-begun = Inloggad
console-me-session-seen = Senast använd
console-me-session-where = Från
console-me-session-this = Denna
console-me-session-end = Avsluta
console-me-session-ended = Sessionen är avslutad.
console-me-sessions-end = Avsluta alla andra
console-me-sessions-ended = Alla andra sessioner är avslutade.

## Console: notices

## Console: pages

# The first parts of long compounds, after which a heading or label may break in a narrow window.
soft-hyphens = personuppgifts personuppgiftsbiträdes betalnings säkerhets tvåfaktors organisations tillsyns underbiträdes avtals tjänste
