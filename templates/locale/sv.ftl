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
footer-calendar = Prenumerera på allt underhåll som kalender
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
console-nav-ask = Fråga
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
console-refusal-state-title = Det passar inte in i hur det är nu
console-refusal-state-remedy = Inget har ändrats. Se hur det är nu: där står vad som går.
console-refusal-unauthenticated-title = Du är inte inloggad
console-refusal-unauthenticated-remedy = Logga in och försök igen.
console-refusal-forbidden-title = Dina roller tillåter inte detta
console-refusal-forbidden-remedy = Fråga en kollega som har rollen, eller be en administratör ge dig den.
console-refusal-later-title = Inte just nu
console-refusal-later-text = Databasen är upptagen eller svarar inte.
console-refusal-later-remedy = Försök igen om en stund. Om du skickade ett formulär, se först efter om det blev gjort.
console-refusal-slow = Det här tog för lång tid och avbröts.
console-refusal-goes-on = Det här tar längre tid än en sida väntar, och arbetet pågår fortfarande.
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
console-sign-in-provider-own = En operatör med det här namnet loggar in här med lösenord eller kod. Om det är du: logga in så, och anslut leverantören under ”Mitt konto”.
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
console-me-provider-title = Inloggning hos en leverantör
console-me-provider-text = Du kan också logga in med { $provider }, om du har samma namn där.
console-me-provider-connect = Anslut
console-me-sessions-title = Sessioner
console-me-sessions-text = Där du är inloggad. Avsluta det du inte känner igen och byt sedan lösenord.
console-me-session-begun = Inloggad
console-me-session-half = Inte inloggad: bara lösenordet angavs. Om det inte var du, byt det.
console-me-session-seen = Senast använd
console-me-session-where = Från
console-me-session-this = Denna
console-me-session-end = Avsluta
console-me-session-ended = Sessionen är avslutad.
console-me-sessions-end = Avsluta alla andra
console-me-sessions-ended = Alla andra sessioner är avslutade.

## Console: notices

console-category-security-breach = Personuppgiftsincident
console-category-disruption = Störning
console-category-maintenance = Underhåll
console-category-agreement-change = Avtalsändring
console-category-security-measures-change = Ändrad säkerhetsåtgärd
console-category-billing = Faktura
console-category-news = Nyheter
console-category-survey = Enkät
console-category-about-security-breach = Personuppgifter har förlorats, ändrats eller setts av någon som inte får det. Förseglat tills det släpps.
console-category-about-disruption = En tjänst fungerar inte som den ska, eller riskerar det. Går ut före allt annat.
console-category-about-maintenance = Planerat arbete i ett tidsfönster, med faser från aviserat till klart.
console-category-about-agreement-change = Nya villkor, priser, ett avtal eller ett underbiträde, med rätten att invända eller säga upp.
console-category-about-security-measures-change = En teknisk eller organisatorisk åtgärd ändras, och vad det betyder för kunden.
console-category-about-billing = En faktura, bara till fakturakontakter.
console-category-about-news = Vad som är nytt. Går bara till dem som inte har avböjt.
console-category-about-survey = En fråga med en länk. Går bara till dem som inte har avböjt.
console-class-mandatory = Måste skickas: ingen kan avböja
console-class-optional = Får skickas: mottagare kan avböja
console-notice-state-draft = Utkast
console-notice-state-submitted = Väntar på godkännande
console-notice-state-approved = Godkänt
console-notice-state-scheduled = Schemalagt
console-notice-state-releasing = Släpps just nu
console-notice-state-released = Skickas
console-notice-state-closed = Avslutat
console-notice-state-declined = Avböjt
console-notice-state-cancelled = Avbrutet
console-delivery-state-queued = Väntar på att skickas
console-delivery-state-sending = Skickas
console-delivery-state-deferred = Inte mottaget än, nytt försök görs
console-delivery-state-accepted = Mottaget av e-postservern
console-delivery-state-delivered = Levererat, säger e-postservern
console-delivery-state-bounced = I retur
console-delivery-state-rejected = Nekat
console-delivery-state-expired = Inte mottaget i tid
console-delivery-state-uncertain = Kanske mottaget
console-delivery-state-suppressed = Inte skickat: spärrad adress
console-delivery-state-opted-out = Inte skickat: har avböjt
console-delivery-state-cancelled = Inte skickat: avbrutet
console-verdict-informed = Informerad
console-verdict-pending = Inte avgjort än
console-verdict-not-informed = Inte informerad
console-verdict-cannot-be = Ingen att vända sig till
console-verdict-not-addressed = Hör inte till mottagarna
console-verdict-not-released = Inte släppt
console-level-relayed = Vårt relä tog emot det
console-level-accepted-by-mx = Mottagarens egen e-postserver tog emot det
console-level-operator-found = Utrett av en operatör
console-level-dsn-delivered = E-postservern har rapporterat leveransen
console-level-attested = En persons ord
console-level-acknowledged = Bekräftat av kunden
console-channel-phone = Per telefon
console-channel-letter = Med brev
console-channel-in-person = Personligen
console-channel-other = På annat sätt
console-task-about-not-informed = Kunder som inte är informerade
console-task-about-overdue = Tidsfristen har gått ut
console-task-about-weak-match = Rapporter som bara delvis stämmer
console-task-about-contradiction = Rapporter som säger emot varandra
console-task-about-left-company = Personer som har slutat
console-task-about-new-address = Nya adresser
console-task-about-unread = E-post som inte går att läsa
console-task-about-unforwarded = Svar som inte vidarebefordrades
console-task-about-stale-directory = Kunduppgifter som är inaktuella
console-task-about-webhook-failed = Webhookar som misslyckas
console-task-about-promise = Löften som förfaller
console-task-about-draft = Utkast i en serie som väntar

console-notices-title = Meddelanden
console-notices-write = Skriv ett meddelande
console-notices-state = Läge
console-notices-category = Kategori
console-notices-reference = Referens
console-notices-any = Alla
console-notices-filter = Visa
console-notices-unfilter = Visa alla
console-notices-none = Inget meddelande är skrivet än.
console-notices-none-such = Inget meddelande stämmer med detta.
console-notices-subject = Ämne
console-notices-when = Tid
console-notices-author = Författare
console-notices-recipients = Mottagare
console-notices-due = Ska ut
console-notices-created = Skrivet
console-notices-overdue = Tiden är inne, och ingen har släppt det

console-notice-next = Vad som står på tur
console-notice-waits-draft = Det är inte inlämnat än: ingen får det.
console-notice-waits-submitted = Det väntar på att en andra person godkänner det.
console-notice-waits-submitted-own = Det väntar på att en andra person godkänner det: du har skrivit det, så det måste vara någon annan.
console-notice-waits-approved = Det är godkänt, och ingen har släppt det än.
console-notice-waits-overdue = Det är godkänt och tiden är inne, men ingen har släppt det.
console-notice-waits-scheduled = Det släpps av sig självt när tiden är inne.
console-notice-waits-releasing = Mottagarna listas. Inget skickas innan det är klart.
console-notice-waits-released = Det skickas.
console-notice-waits-paused = Utskicket är pausat: inget mer går ut förrän någon återupptar det.
console-notice-waits-closed = Varje leverans har sitt utfall. Det som kommer tillbaka senare antecknas ändå.
console-notice-waits-declined = Det är avböjt. Den som redigerar det gör det till utkast igen.
console-notice-waits-cancelled = Det är avbrutet. Det som inte har skickats skickas inte.
console-notice-changed = Sedan godkännandet har mottagarna ändrats: { $then } då, { $now } nu.
console-notice-may-have-changed = Kunder eller kontakter har ändrats sedan godkännandet, och därmed kanske mottagarna.
console-notice-compare = Jämför dem nu
console-notice-follow = Skriv nästa
console-notice-copy = Kopiera
console-notice-about = Om det
console-notice-whom = Går till
console-notice-class = Slag
console-notice-languages = Språk
console-notice-approved-by = Godkänt av
console-notice-released = Släppt
console-notice-closed = Avslutat
console-notice-follows = Fortsätter
console-notice-escalation = Om en kund inte blir informerad
console-notice-escalation-after = Efter { $after }
console-notice-escalation-task = en uppgift för en person
console-notice-digest = Kontrollsumma
console-notice-content = Vad det säger
console-notice-source = Som det skrevs
console-notice-steps = Vem gjorde vad
console-notice-tasks = Uppgifter som det har lämnat
console-whom-all = Alla kunder
console-whom-some = Kunder med vissa attribut, eller enskilda
console-whom-rows = Kunderna i en fil
console-whom-nobody = Ingen än: mottagare läggs till efter att det släppts
console-whom-followed = Kunderna för meddelandet som det fortsätter
console-whom-named =
    { $count ->
        [one] { $number } namngiven kund
       *[other] { $number } namngivna kunder
    }

console-step-submit = Lämna in för godkännande
console-step-approve = Godkänn
console-step-decline = Avböj
console-step-release = Släpp
console-step-pause = Pausa
console-step-resume = Återuppta
console-step-cancel = Avbryt det
console-step-close = Avsluta det
console-step-edit = Redigera
console-step-title-submit = Lämna in för godkännande?
console-step-title-approve = Godkänna meddelandet?
console-step-title-decline = Avböja meddelandet?
console-step-title-release = Släppa meddelandet?
console-step-title-pause = Pausa utskicket?
console-step-title-resume = Återuppta utskicket?
console-step-title-cancel = Avbryta meddelandet?
console-step-title-close = Avsluta det stående meddelandet?
console-step-done-create = Skrivet av
console-step-done-edit = Redigerat av
console-step-done-submit = Inlämnat av
console-step-done-approve = Godkänt av
console-step-done-decline = Avböjt av
console-step-done-release = Släppt av
console-step-done-pause = Pausat av
console-step-done-resume = Återupptaget av
console-step-done-cancel = Avbrutet av
console-step-done-close = Avslutat av
console-step-refused-create = Nekat, skulle skrivas av
console-step-refused-edit = Nekat, skulle redigeras av
console-step-refused-submit = Nekat, skulle lämnas in av
console-step-refused-approve = Nekat, skulle godkännas av
console-step-refused-decline = Nekat, skulle avböjas av
console-step-refused-release = Nekat, skulle släppas av
console-step-refused-pause = Nekat, skulle pausas av
console-step-refused-resume = Nekat, skulle återupptas av
console-step-refused-cancel = Nekat, skulle avbrytas av
console-step-refused-close = Nekat, skulle avslutas av
console-step-taken-submit = Meddelandet är inlämnat.
console-step-taken-approve = Meddelandet är godkänt.
console-step-taken-decline = Meddelandet är avböjt.
console-step-taken-release = Meddelandet är släppt.
console-step-taken-release-begun = Släppet har börjat: mottagarna listas fortfarande.
console-step-taken-release-scheduled = Meddelandet är schemalagt: det släpps när tiden är inne.
console-step-taken-pause = Utskicket är pausat.
console-step-taken-resume = Utskicket fortsätter.
console-step-taken-cancel = Meddelandet är avbrutet.
console-step-taken-close = Det stående meddelandet är avslutat.
console-consequence-submit = En andra person avgör om det, ifall kategorin kräver en; annars är det godkänt direkt. Inget skickas än.
console-consequence-approve = Du godkänner precis det som du ser här: det som ändras efteråt kräver ett nytt godkännande. Inget skickas innan någon släpper det.
console-consequence-decline = Författaren ser ditt skäl, kan ändra det och lämna in det igen. Inget skickas.
console-consequence-release = Mottagarna listas nu, och utskicket börjar genast. Det som har skickats går inte att ta tillbaka.
console-consequence-release-later = Det schemaläggs: mottagarna listas när tiden är inne, och då börjar utskicket.
console-consequence-release-now = Det släpps nu i stället för när tiden är inne. Det som skickas går inte att ta tillbaka.
console-consequence-pause =
    { $count ->
        [0] Inget mer skickas förrän någon återupptar det. Inget väntar just nu.
        [one] Inget mer skickas förrän någon återupptar det: { $number } leverans väntar så länge.
       *[other] Inget mer skickas förrän någon återupptar det: { $number } leveranser väntar så länge.
    }
console-consequence-resume =
    { $count ->
        [0] Utskicket fortsätter. Inget väntar just nu.
        [one] Utskicket fortsätter: { $number } leverans väntar.
       *[other] Utskicket fortsätter: { $number } leveranser väntar.
    }
console-consequence-cancel = Det är slut för gott: det kan kopieras, men aldrig släppas.
console-consequence-cancel-sending =
    { $count ->
        [0] Det är slut för gott. Inget väntar på att skickas just nu; det som har skickats tas inte tillbaka.
        [one] Det är slut för gott: { $number } leverans som inte har skickats skickas aldrig. Det som har skickats tas inte tillbaka.
       *[other] Det är slut för gott: { $number } leveranser som inte har skickats skickas aldrig. Det som har skickats tas inte tillbaka.
    }
console-consequence-close = Ingen kan läggas till längre. De som lades till får det ändå.
console-step-reason = Skäl
console-step-reason-hint-submit = För protokollet, på en rad
console-step-reason-hint-approve = För protokollet, på en rad, om det finns något att säga
console-step-reason-hint-decline = Vad författaren ska ändra, på en rad
console-step-reason-hint-release = För protokollet, på en rad, om det finns något att säga
console-step-reason-hint-pause = För dina kollegor, på en rad
console-step-reason-hint-resume = För dina kollegor, på en rad
console-step-reason-hint-cancel = För protokollet, på en rad
console-step-reason-hint-close = För protokollet, på en rad
console-step-reason-missing = Skäl: skriv vad författaren ska ändra.
console-step-release-at-once = Släpp det nu, och vänta inte på tiden
console-step-not = Inte nu
console-step-back = Tillbaka till meddelandet
console-form-stale = Formuläret är inte fullständigt: fyll i det igen.
console-form-too-large = Formuläret är för stort: inget gjordes.
console-form-unreadable = Formuläret går inte att läsa: inget gjordes.
console-day-wrong = Det är inget datum.
console-moment-wrong = Det är inget datum med klockslag.
console-step-stale = Det går inte längre, eller är redan gjort. Meddelandet är nu i detta läge:
console-step-reach = { $addresses } hos { $customers }
console-step-reaches-nobody = Det når ingen just nu
console-step-differs = Vad som skiljer sig från meddelandet som det fortsätter
console-step-since-approve = Vad som har ändrats sedan { $name } godkände det, { $time }
console-step-since-approve-own = Vad som har ändrats sedan du godkände det, { $time }
console-step-since-decline = Vad som har ändrats sedan { $name } avböjde det, { $time }
console-step-since-decline-own = Vad som har ändrats sedan du avböjde det, { $time }
console-step-since-submit = Vad som har ändrats sedan det lämnades in tidigare
console-step-same = Inget har ändrats sedan dess.
console-step-same-text = Texten är densamma: bara målgruppens rader skiljer sig.
console-step-unaddressed = Kunder utan någon att vända sig till, till exempel

console-coverage-title = Vem är informerad
console-coverage-informed-of = informerade: { $informed } av { $customers } kunder
console-coverage-informed = Informerade
console-coverage-pending = Inte avgjort än
console-coverage-not = Inte informerade
console-coverage-cannot = Ingen att vända sig till
console-coverage-overdue = Inte informerade efter tidsfristen
console-coverage-late = Informerade efter tidsfristen
console-coverage-is-late = Efter tidsfristen
console-coverage-customers =
    { $count ->
        [one] { $number } kund.
       *[other] { $number } kunder.
    }
console-coverage-count = Räkna hur många som är informerade
console-coverage-counted = Räknat
console-coverage-counting = Kunderna räknas: en miljon tar några sekunder.
console-coverage-look-again = Titta igen
console-coverage-overdue-last =
    { $count ->
        [one] Vid senaste kontrollen var { $number } kund inte informerad efter tidsfristen.
       *[other] Vid senaste kontrollen var { $number } kunder inte informerade efter tidsfristen.
    }
console-coverage-deadline = Tidsfrist:
console-coverage-escalated =
    { $count ->
        [one] För { $number } kund har kontakter med andra roller fått det.
       *[other] För { $number } kunder har kontakter med andra roller fått det.
    }
console-coverage-open = Kunder som inte är informerade
console-coverage-all = Alla kunder
console-coverage-csv = Detsamma som fil för ett kalkylblad (CSV)
console-coverage-which = Vilka kunder
console-coverage-only-all = Alla
console-coverage-only-open = Inte informerade
console-coverage-only-late = Sena
console-coverage-customer = Kund
console-coverage-verdict = Informerad
console-coverage-since = Sedan
console-coverage-addresses = Adresser och intyg
console-coverage-none = Det finns ingen sådan kund.
console-coverage-none-here = Ingen bland dem som gicks igenom: nästa sida fortsätter.

console-deliveries-title = Leveranser
console-deliveries-count =
    { $count ->
        [one] { $number } leverans.
       *[other] { $number } leveranser.
    }
console-deliveries-waiting =
    { $count ->
        [one] { $number } av dem har inget utfall än.
       *[other] { $number } av dem har inget utfall än.
    }
console-deliveries-next = Nästa som väntar på sin tid eller på ett nytt försök ska ut
console-deliveries-state = Läge
console-deliveries-number = Leveranser
console-deliveries-all = Alla leveranser
console-deliveries-to = Konto eller adress
console-deliveries-account = Konto
console-deliveries-address = Adress
console-deliveries-reply = Svar
console-deliveries-attempts = Försök
console-deliveries-since = Sedan
console-deliveries-none = Det finns ingen sådan leverans.

console-delivery-title = Leverans
console-delivery-found = utrett av en operatör
console-delivery-level = Hur säkert
console-delivery-reason = Varför det inte skickades
console-delivery-unsent-not-carried = Inget av våra reläer kan överföra meddelandet
console-delivery-unsent-not-composed = Meddelandet kunde inte sättas ihop
console-delivery-role = Roll
console-delivery-act = Vad du kan göra
console-delivery-resend = Skicka igen
console-delivery-resend-text = Om meddelandet har kommit fram ändå får mottagaren det två gånger.
console-delivery-resent = Leveransen står i kö igen.
console-stage-connect = vid anslutningen
console-stage-greeting = vid hälsningen (EHLO)
console-stage-starttls = vid krypteringen (STARTTLS)
console-stage-auth = vid inloggningen (AUTH)
console-stage-mail = vid avsändaren (MAIL FROM)
console-stage-rcpt = vid mottagaren (RCPT TO)
console-stage-data = före meddelandet (DATA)
console-stage-body = mitt i meddelandet
console-stage-dot = vid meddelandets slut
console-delivery-report = Anteckna
console-delivery-report-what = Vad kom du fram till?
console-delivery-report-bounced = Det kom i retur, eller kom aldrig fram
console-delivery-report-delivered = Det nådde brevlådan
console-delivery-report-withdrawn = Det förra beskedet var fel
console-delivery-reported = Det du kom fram till är antecknat.
console-delivery-settle = Avgör
console-delivery-settle-text = Anslutningen bröts för sent för att veta om e-postservern har meddelandet. Reläets logg säger det.
console-delivery-settle-what = Vad säger loggen?
console-delivery-settle-yes = E-postservern tog emot meddelandet
console-delivery-settle-no = E-postservern tog inte emot det
console-delivery-settled = Leveransen är avgjord.
console-delivery-source-of = Källa
console-delivery-source-hint = Till exempel en rad i reläets logg, på en rad
console-delivery-choose = Välj något av detta.
console-delivery-when = Tid
console-delivery-relay = Relä
console-delivery-outcome = Utfall
console-delivery-no-attempt = Inget försök är gjort än.
console-delivery-nothing-sent = Inget skickades: ingen server tog emot meddelandet.
console-delivery-reports = Vad som kom tillbaka
console-delivery-replied = Ett svar
console-delivery-message = Meddelandet som det skickades
console-delivery-bytes = Dess källa
console-delivery-download = Ta meddelandet som fil

console-attest-title = Anteckna att en kund informerades på annat sätt
console-attest-text = Ett samtal eller ett brev informerar också en kund. Ditt ord antecknas med ditt namn, och kunden räknas som informerad.
console-attest-account = Konto
console-attest-channel = Hur?
console-attest-by = Vem informerade kunden?
console-attest-by-hint = Personens namn
console-attest-at = När?
console-attest-note = Vad sades, eller var finns brevet?
console-attest-note-hint = På en rad
console-attest-button = Anteckna
console-attest-done = Det är antecknat att kunden informerades.
console-attest-missing = Detta saknas.
console-attest-channel-missing = Välj hur kunden informerades.
console-attest-no-time = När: detta är inget datum med klockslag.
console-attest-withdrawn = återtaget

console-evidence-title = Ta ut bevis
console-evidence-text = En fil som bevisar vad liggaren säger om detta meddelande. Den som har filen kan kontrollera den utan oss, här under ”/verify” eller med ”besked verify”.
console-evidence-whose = Vems?
console-evidence-one = En kunds: ingen annan nämns
console-evidence-everyone = Varje kunds: alla mottagare nämns
console-evidence-account-hint = För bevis om en kund
console-evidence-messages = Med de exakta meddelanden som skickades
console-evidence-json = Som fil (JSON)
console-evidence-pdf = Som PDF
console-evidence-whose-missing = Konto: ange kunden som beviset gäller.
console-evidence-busy = Ett annat bevis skrivs just nu.
console-evidence-too-large = Detta bevis är för stort för en PDF här: ta filen, eller gör PDF:en med ”besked evidence export --pdf”.

## Console: writing

console-choose-title = Vad vill du säga?
console-write-new = Nytt meddelande
console-write-edit = Redigera meddelandet
console-write-zone = Tider gäller i { $zone }.
console-write-optional = (valfritt)
console-write-what = Vad det handlar om
console-write-list-hint = En på varje rad
console-write-text = Texten
console-write-category = Kategori
console-write-subject = Ämne
console-write-subject-hint = Lämna tomt för kategorins vanliga
console-write-body = Text
console-write-body-hint = Markdown: **fet**, [en länk](https://example.com), - listor
console-write-audience = Till vem
console-write-attributes = Attribut
console-write-attributes-hint = Ett på varje rad, till exempel region: sto1, sto2. En kund måste ha ett värde av vart och ett.
console-write-customers = Konton
console-write-customers-hint = Kontonummer, med blanksteg emellan eller på rader
console-write-rows = Fil
console-write-rows-hint = En tabell med kolumnen account_id och vilka andra som helst: CSV eller en arbetsbok, upp till 16 MB
console-write-rows-too-large = ”{ $name }” är större än { $most } MB. Välj en mindre fil, eller skicka meddelandet med `besked notice` eller HTTP-API:et.
console-write-rows-again = Välj { $name } igen: en webbläsare skickar inte en fil två gånger. Öppna formuläret på nytt om de sparade raderna ska gälla.
console-write-rows-text = Eller raderna, som CSV
console-write-include-left = Även kunder som har lämnat oss
console-write-open = Mottagare kan läggas till efter att det släppts
console-write-when = När
console-write-when-now = Genast när det släpps
console-write-when-at = Vid en viss tid, i { $zone }
console-write-when-local = Vid denna tid i varje mottagares egen zon
console-write-send-at = Tid för utskicket
console-write-send-at-local = Tid hos mottagaren
console-write-spread = Fördelat över
console-write-spread-hint = Till exempel 2 h, om alla inte ska få det på en gång
console-write-reminders = Påminnelser
console-write-reminders-hint = Hur långt före fönstret, till exempel 7 dagar, 1 dag; ”none” för inga; tomt som vanligt
console-write-every = Kommer igen
console-write-every-hint = Till exempel monthly, first Tuesday 22:00: för varje fönster skapas ett utkast, och du lämnar in det. Tomt: det kommer inte igen
console-write-until = Till och med
console-write-until-hint = Sista dagen då ett fönster får börja; tomt för inget slut
console-write-twice = Denna tid kommer två gånger den natten
console-write-twice-first = Första gången (UTC{ $offset }, innan klockan ställs tillbaka)
console-write-twice-second = Andra gången (UTC{ $offset })
console-write-matter = Ärendet
console-write-reference = Referens
console-write-reference-hint = Ert eget nummer, till exempel på en ändring eller ett ärende
console-write-follows = Fortsätter
console-write-follows-hint = Id eller referens för meddelandet före
console-write-nexts = Vad som kan följa
console-write-line = rad { $line }:{" "}
console-write-save = Spara utkastet
console-write-submit = Spara och lämna in
console-write-check = Kontrollera
console-write-test = Skicka ett prov till { $address }
console-write-test-sent = Ett prov skickades till { $address }: { $reply }
console-write-test-no-address = Du har ingen adress här: en administratör kan lägga till en.
console-write-saved = Utkastet är sparat.
console-write-copied = Detta är en kopia av meddelandet: inget är sparat än. Skriv nya datum och nummer.
console-write-followed = Detta är ifyllt från meddelandet före: inget är sparat än. Rätta det som har ändrats.
console-write-too-late = Ett meddelande som har släppts kan inte redigeras. Skriv nästa i ärendet i stället.
console-choose-begun = Det du har börjat på
console-write-saved-before = Detta sparades redan, som det var när du skickade det första gången. Det du har skrivit sedan dess står nedan: spara igen.
console-write-too-late-kept = Detta meddelande kan inte redigeras längre. Det du skrev står här: spara det som ett nytt meddelande, eller låt det vara.
console-write-begun = Du började på detta och skickade det inte. Det sparades senast:
console-write-begun-continue = Fortsätt med det
console-write-begun-forget = Glöm det
console-write-kept = Sparat
console-write-not-kept = Detta sparades inte: är du fortfarande inloggad?
console-write-checked = Vem det når
console-write-reached = adresser hos { $customers }
console-write-reached-one = adress hos { $customers }
console-write-addresses =
    { $count ->
        [one] { $number } adress
       *[other] { $number } adresser
    }
console-write-at-customers =
    { $count ->
        [one] { $number } kund
       *[other] { $number } kunder
    }
console-write-such-as = Till exempel
console-write-unaddressed =
    { $count ->
        [one] { $number } kund har ingen att vända sig till:
       *[other] { $number } kunder har ingen att vända sig till:
    }
console-write-overtaken = { $name } sparade en annan version medan du skrev. Inget du skrev är borta: det står nedan.
console-write-overtaken-text = { $name } sparade en annan version efter att du började. Titta på den, och ta över i din det som ska stå kvar.
console-write-overtaken-see = Se den versionen
console-write-overtaken-replace = Ersätt den med min
console-preview-title = Som mottagare ser det
console-preview-in = På { $language }
console-language-en = engelska
console-language-sv = svenska
console-preview-format = Form
console-preview-text = Text
console-preview-scheme = Färger
console-preview-own = Som dina
console-preview-light = Ljust
console-preview-dark = Mörkt
console-preview-phone = På en telefon
console-preview-language = Språk
console-preview-recipients = Mottagarens
console-preview-customer = Som denna kund ser det
console-preview-show = Visa
console-preview-unready = Det finns något att se när detta är ifyllt:
console-field-stage = Skede
console-field-our-role = Vår roll för uppgifterna
console-field-discovered-at = Upptäckt
console-field-nature = Vad som har hänt
console-field-data-affected = Berörda personuppgifter
console-field-likely-consequences = Sannolika konsekvenser
console-field-measures-taken = Åtgärder, vidtagna eller planerade
console-field-recommended-actions = Vad kunden bör göra
console-field-contact-point = Var man kan fråga
console-field-occurred-from = Började
console-field-occurred-until = Slutade
console-field-status = Status
console-field-services = Tjänster
console-field-impact = Vad kunder märker
console-field-started-at = Började
console-field-next-update-at = Nästa besked
console-field-resolved-at = Över sedan
console-field-workaround = Vad kunder kan göra under tiden
console-field-phase = Fas
console-field-window-start = Fönstret börjar
console-field-window-end = Fönstret slutar
console-field-previous-start = Början som aviserades tidigare
console-field-previous-end = Slutet som aviserades tidigare
console-field-impact-level = Påverkan i ett ord, för program
console-field-action-needed = Vad kunder måste göra
console-field-kind = Slag
console-field-document = Dokument
console-field-version = Ny version
console-field-effective-date = Gäller från
console-field-summary = Vad som ändras
console-field-right = Rätten att invända eller säga upp
console-field-right-until = Den rätten upphör
console-field-measure = Åtgärd
console-field-change = Vad som ändras
console-field-effect = Vad det betyder för kunden
console-field-invoice-number = Fakturanummer
console-field-period = Period
console-field-amount = Belopp
console-field-currency = Valuta
console-field-due-date = Förfaller
console-field-payment-reference = Betalningsreferens
console-field-title = Rubrik
console-field-question = Fråga
console-field-link = Enkätens adress
console-field-closes-at = Stänger
console-choice-suspected = Misstänkt
console-choice-confirmed = Bekräftad
console-choice-update = Nya uppgifter
console-choice-final = Slutrapport
console-choice-controller = Personuppgiftsansvarig: vi bestämmer över uppgifterna
console-choice-processor = Personuppgiftsbiträde: kunden bestämmer över uppgifterna
console-choice-terms = Villkor
console-choice-price = Priser
console-choice-data-processing = Personuppgiftsbiträdesavtal
console-choice-sub-processor = Underbiträde
console-choice-other = Något annat
console-choice-possible = Möjlig
console-choice-investigating = Utreds
console-choice-identified = Orsaken känd
console-choice-monitoring = Övervakas
console-choice-resolved = Löst
console-choice-announced = Aviserat
console-choice-rescheduled = Flyttat
console-choice-cancelled = Inställt
console-choice-started = Påbörjat
console-choice-completed = Klart
console-choice-no-impact = Ingen
console-choice-reduced-redundancy = Mindre redundans
console-choice-degraded = Fungerar sämre
console-choice-outage = Fungerar inte
console-choice-technical = Teknisk
console-choice-organisational = Organisatorisk

## Console: pages

# The first parts of long compounds, after which a heading or label may break in a narrow window.
soft-hyphens = personuppgifts personuppgiftsbiträdes betalnings säkerhets tvåfaktors organisations tillsyns underbiträdes avtals tjänste

## Console: other pages, and /verify

# shared
console-more = Nästa sida
console-search = Sök
console-save = Spara
console-back = Tillbaka
console-look-up = Slå upp
console-decide = Besluta
console-overdue = Försenat
console-paused = Pausat
console-undecided = Väntar på beslut
console-erased-person = (raderad)
console-role-service = Tjänst
console-role-security = Säkerhet
console-role-technical = Teknik
console-role-legal = Avtal
console-role-billing = Faktura
console-task-not-informed = Kunden är inte informerad
console-task-overdue = Tidsgränsen har passerat
console-task-weak-match = En rapport passar bara delvis
console-task-contradiction = Rapporter motsäger varandra
console-task-left-company = Personen har lämnat kunden
console-task-new-address = Personen har en ny adress
console-task-unread = Ett meddelande kan inte läsas
console-task-unforwarded = Ett svar vidarebefordrades inte
console-task-stale-directory = Kunduppgifterna är inaktuella
console-task-webhook-failed = En webhook misslyckas
console-task-promise = Ett löfte förfaller
console-task-draft = Ett utkast i en serie väntar
console-task-state-open = Att göra
console-task-state-done = Klar
console-circuit-closed = Används
console-circuit-half-open = Provas
console-circuit-open = Används inte just nu
console-circuit-unknown = Okänt
console-promise-update = Nästa uppdatering är utlovad
console-promise-completion = Underhållets slut är utlovat
console-promise-stage = Nästa information om incidenten
console-col-account = Konto
console-col-action = Åtgärd
console-col-address = Adress
console-col-addresses = Adresser
console-col-again = Skickas igen
console-col-answer = Svar
console-col-attempt = Försök
console-col-author = Skrivet av
console-col-carries = Befordrar
console-col-categories = Kategorier
console-col-category = Kategori
console-col-change = Ändring
console-col-changed = Ändrade
console-col-channel = Hur
console-col-connections = Anslutningar
console-col-contacts = Kontakter
console-col-covers = Poster som den omfattar
console-col-customer = Kund
console-col-deadline = Tidsgräns
console-col-deferred = Uppskjutna
console-col-delivery = Leverans
console-col-disabled = Avstängd
console-col-discovered = Upptäckt
console-col-do = Vad du kan göra
console-col-done = Klart
console-col-due = Ska besvaras senast
console-col-duty = Skyldighet
console-col-ends = Upphör
console-col-entries = Poster
console-col-event = Händelse
console-col-events = Händelser
console-col-extension = Mer tid, eftersom
console-col-failed = Misslyckade
console-col-failing = Misslyckas sedan
console-col-former-secret = Den förra hemligheten signerar till
console-col-forward = Vidarebefordrat
console-col-gone = Borta
console-col-grounds = Skäl
console-col-host = Värd
console-col-inbound = Meddelande
console-col-informed-since = Informerad sedan
console-col-kind = Slag
console-col-language = Språk
console-col-last-success = Lyckades senast
console-col-last-notice = Har senast i ärendet
console-col-newest-notice = Nyast i ärendet
console-col-left = Tid kvar
console-col-level = Hur säkert
console-col-made = Skapad
console-col-match = Vad som knyter det till en leverans
console-col-name = Namn
console-col-needed-level = Räknas som informerad från
console-col-new = Nya
console-col-node = Nod
console-col-note = Anteckning
console-col-notice = Meddelande
console-col-object = Föremål
console-col-opened = Sedan
console-col-operator = Vem
console-col-problem = Problem
console-col-progress = Förlopp
console-col-queued = Väntande anrop
console-col-rate = Takt
console-col-reactivated = Tillbaka
console-col-received = Mottaget
console-col-reference = Referens
console-col-refused = Avvisade
console-col-released = Släppt
console-col-reply = Svar
console-col-result = Resultat
console-col-retry = Nästa försök
console-col-role = Roll
console-col-roles = Roller
console-col-root = Rot
console-col-route = Väg in
console-col-seen = Sågs senast
console-col-sent = Skickade
console-col-signed = Signerad
console-col-since = Sedan
console-col-size = Byte
console-col-source = Källa
console-col-started = Startade
console-col-state = Läge
console-col-task = Uppgift
console-col-this-machine = Den här maskinen
console-col-took = Millisekunder
console-col-unsealed = Inte förseglade än
console-col-url = Adress
console-col-used = Användes senast
console-col-verdict = Informerad
console-col-version = Version
console-col-via = Hur
console-col-what = Vad
console-col-when = Tid
console-col-why = Skäl
console-col-witness = Vem som informerade
console-col-zone = Tidszon
console-input-account = Kundens konto
console-input-answer = Hur besvarades det?
console-input-as_one = Samma person
console-input-by = Vem informerade kunden?
console-input-categories = Kategorier
console-input-category = Kategori
console-input-channel = Hur?
console-input-decision = Beslut
console-input-email = Adress
console-input-ends = Sista dag
console-input-events = Anropas vid
console-input-file = Fil
console-input-grounds = Personens skäl
console-input-ground = Grund
console-input-how = Hur den behandlas
console-input-kind = Slag
console-input-name = Namn
console-input-note = Vad som gjordes
console-input-object = Föremål
console-input-operator = Operatör
console-input-q = Konto, namn, adress eller referens
console-input-reason = Skäl
console-input-received = Mottagningsdag
console-input-reset = Andra faktor
console-input-roles = Roller
console-input-said = Vad sades, eller var finns brevet?
console-input-since = Från och med dagen
console-input-to = Rätt adress
console-input-told_at = När?
console-input-until = Före dagen
console-input-url = Adress
console-input-waive = Skyldigheter som inte gäller här
console-input-waiting = Nyheter och enkäter som väntar
console-input-wanted = Vill få
console-done-answered = Svaret är antecknat.
console-done-attested = Det är antecknat att kunden informerades.
console-done-calendar-revoked = Kalenderns adress fungerar inte längre.
console-done-continued = Förseglingen fortsätter. Skälet är antecknat i liggaren.
console-done-decided = Beslutet är antecknat.
console-done-disabled = Avstängt.
console-done-enabled = Påslaget.
console-done-extended = Det finns två månader till.
console-done-left = Kunden är markerad som avslutad: inget skickas längre dit.
console-done-lifted = Spärren är hävd.
console-done-objected = Invändningen är antecknad.
console-done-operator-added = Operatören är tillagd. En inbjudan låter dem välja lösenord.
console-done-petition = Det är infört i registret.
console-done-rectified = Adressen är rättad hos alla kunder.
console-done-restricted = Uppgifterna är begränsade: inga valfria utskick, maskerade i listor, varje visning loggas.
console-done-revoked = Nyckeln fungerar inte längre.
console-done-saved = Sparat.
console-done-suppressed = Adressen är spärrad.
console-done-task = Uppgiften är klar.
console-done-unrestricted = Begränsningen är hävd.

# now
console-now-waiting = Väntar på dig
console-now-nothing-waits = Inget väntar på dig.
console-now-approvals-caption = Meddelanden som väntar på ditt godkännande
console-now-approvals-empty = Inget meddelande väntar på ditt godkännande.
console-now-tasks-caption = Uppgifter
console-now-tasks-empty = Det finns ingen öppen uppgift.
console-now-all-tasks = Alla uppgifter
console-now-more = Det finns fler än dessa: visa alla
console-now-uncertain =
    { $count ->
        [one] { $number } leverans med okänt utfall
       *[other] { $number } leveranser med okänt utfall
    }
console-now-uncertain-or-more =
    { $count ->
        [one] { $number } leverans eller fler med okänt utfall
       *[other] { $number } leveranser eller fler med okänt utfall
    }
console-now-unmatched =
    { $count ->
        [one] { $number } meddelande som inte hör till någon känd leverans
       *[other] { $number } meddelanden som inte hör till någon känd leverans
    }
console-now-unmatched-or-more =
    { $count ->
        [one] { $number } meddelande eller fler som inte hör till någon känd leverans
       *[other] { $number } meddelanden eller fler som inte hör till någon känd leverans
    }
console-now-running = Skickas nu
console-now-running-caption = Meddelanden som skickas nu
console-now-running-empty = Inget skickas just nu.
console-now-due = Härnäst
console-now-due-caption = Vad som kommer härnäst
console-now-due-empty = Inget är planerat.
console-now-release = Släpps
console-now-of = { $part } av { $whole }
console-now-per-minute = { $number } per minut
console-now-overdue =
    { $count ->
        [one] { $number } kund inte informerad efter tidsgränsen
       *[other] { $number } kunder inte informerade efter tidsgränsen
    }
console-now-health = Hälsa
console-now-as-of = Läget { $time }.
console-now-database = Databas
console-now-database-good-short = Går att skriva
console-now-database-bad-short = Går inte att skriva
console-now-database-bad = Databasen går inte att skriva: inget skickas.
console-now-dispatchers = Utskickare
console-now-nodes =
    { $count ->
        [one] { $number } i drift
       *[other] { $number } i drift
    }
console-now-no-dispatcher = Ingen utskickare är i drift: inget skickas.
console-now-no-relay = Ingen mejlserver kan användas: det som ska skickas väntar.
console-now-relay = Mejlserver { $name }
console-now-entries =
    { $count ->
        [one] { $number } post
       *[other] { $number } poster
    }
console-now-unsealed =
    { $count ->
        [one] { $number } post är inte förseglad än
       *[other] { $number } poster är inte förseglade än
    }
console-now-ledger-bad = Liggaren förseglas inte längre: någon måste ta reda på varför.
console-now-ledger-bad-short = Stannat

# ask
console-ask-intro = Informerades kunden, om vad, när, med vilka ord och med vilket resultat?
console-ask-hint = Vad kontot, varje ord i namnet eller en adress börjar med; eller ett meddelandes id eller referens
console-ask-button = Fråga
console-ask-nothing = Ingen kund och inget meddelande passar ”{ $words }”.
console-ask-customers-caption = Kunder
console-ask-customers-empty = Ingen kund passar.
console-ask-written-to = Hit skrevs till adressen
console-ask-more = Det finns fler: skriv mer av namnet.
console-ask-notices-caption = Meddelanden
console-ask-notices-empty = Inget meddelande passar.
console-ask-whom = Informerades en viss kund?
console-ask-everything = Allt som skickats till { $customer }
console-ask-history-caption = Meddelanden till kunden, de nyaste först
console-ask-history-empty = Inget har skickats till kunden.
console-ask-customer = Kunden
console-ask-other = Fråga något annat
console-ask-all = Allt som skickats till kunden
console-ask-narrow = Informerad om ett visst slag, under en viss tid?
console-ask-title = Informerades { $customer }?
console-ask-answer-informed = Ja: { $customer } informerades.
console-ask-answer-pending = Inte avgjort än: det är inte känt om { $customer } är informerad.
console-ask-answer-not-informed = Nej: { $customer } informerades inte.
console-ask-answer-cannot-be = Nej: hos { $customer } finns ingen att skriva till.
console-ask-answer-not-addressed = { $customer } var inte mottagare.
console-ask-answer-not-released = Inget har släppts till { $customer } än.
console-ask-name-today = Kunden heter i dag { $name }.
console-ask-of-notices =
    { $count ->
        [one] Över { $number } meddelande: det sämsta svaret gäller.
       *[other] Över { $number } meddelanden: det sämsta svaret gäller.
    }
console-ask-overdue =
    { $count ->
        [one] Försenat för { $number } meddelande.
       *[other] Försenat för { $number } meddelanden.
    }
console-ask-late =
    { $count ->
        [one] Informerad efter tidsgränsen av { $number } meddelande.
       *[other] Informerad efter tidsgränsen av { $number } meddelanden.
    }
console-ask-is-newest = Det är det nyaste.
console-ask-newest-of = från { $time }, som kunden inte har
console-ask-newer = Det finns ett nyare meddelande från { $time } som kunden inte har.
console-ask-no-notice = Det finns inget sådant meddelande till kunden.
console-ask-too-late = Efter tidsgränsen
console-ask-deliveries-caption = Adresser och resultat
console-ask-deliveries-empty = Inget skickades: det fanns ingen att skriva till.
console-ask-words = Orden som de skickades
console-ask-damaged = Den lagrade texten för denna leverans stämmer inte med sin post i liggaren och visas inte. ”besked ledger audit” undersöker den.
console-ask-attested-caption = Informerad på andra sätt
console-ask-attested-empty = Inte på något annat sätt.
console-ask-withdrawn = Återtaget: { $reason }
console-ask-notice = Meddelandet
console-ask-evidence-pdf = Bevis för människor (PDF)
console-ask-evidence-json = Bevis att kontrollera (JSON)

# customers
console-customers-caption = Kunder
console-customers-empty = Det finns ingen sådan kund.
console-customers-search = Sök kunder
console-customers-hint = Vad kontot eller varje ord i namnet börjar med; eller en adress, om dina roller ser alla
console-customers-import = Importera kunder
console-customer-active = Aktiv
console-customer-left = Avslutad
console-customer-former = Används inte längre
console-customer-contacts = Kontakter
console-customer-contacts-caption = Kontakter
console-customer-contacts-empty = Det finns ingen kontakt: ingen kan nås.
console-customer-preferences-caption = Har tackat nej
console-customer-preferences-empty = Ingen kontakt har tackat nej till något.
console-customer-sent = Senast skickat
console-customer-all = Allt som skickats
console-customer-deliveries-caption = Senaste leveranser
console-customer-deliveries-empty = Inget har skickats till kunden.
console-customer-tasks-caption = Uppgifter
console-customer-tasks-empty = Det finns ingen uppgift.
console-customer-calendar = Kalender över dess underhåll
console-customer-leave = Markera som avslutad
console-customer-leave-title = Kunden lämnar
console-customer-leave-text = Inget skickas längre dit, tills en import har den igen. Det som skickats finns kvar.
console-calendar-title = Kalender för { $customer }
console-calendar-text = Kunden prenumererar på adressen i ett kalenderprogram och ser sitt underhåll där.
console-calendar-give = Visa adressen
console-calendar-secret = Adressen är hemlig: skicka den bara till kunden.
console-calendar-address = Kalenderns adress
console-calendar-revoke = Återkalla adressen
console-calendar-revoke-text = Adressen slutar fungera genast. Nästa blir en annan.
console-import-text = En fil anger vilka kunderna och deras kontakter är. Du ser vad den skulle ändra innan något görs.
console-import-hint = CSV, Excel eller OpenDocument
console-import-how-replace = Kunder som inte finns i filen har lämnat
console-import-how-skip-invalid = Hoppa över rader som är fel
console-import-how-allow-shrink = Ta en fil med mindre än hälften av kunderna
console-import-check = Se vad den ändrar
console-import-none = Välj en fil som inte är tom.
console-import-too-large = Filen får ha högst { $most } byte.
console-import-cut = Filen kom inte fram hel. Försök igen.
console-import-gone = Filen finns inte kvar: den väntar en timme, och raderas när en person raderas. Välj den igen.
console-import-file = Filen
console-import-outdated = Kunder har ändrats sedan du såg vad filen ändrar, så inget importerades. Detta skulle den ändra nu.
console-import-busy = Filen importeras just nu.
console-import-busy-look = Se om den är klar
console-import-wrong = { $name } kan inte importeras som den är.
console-import-problems-caption = Vad som är fel
console-import-problems-empty = Inget är fel.
console-import-more-problems =
    { $count ->
        [one] Och { $number } problem till.
       *[other] Och { $number } problem till.
    }
console-import-would = Det här skulle { $name } ändra. Inget är ändrat än.
console-import-customers =
    { $count ->
        [one] { $number } kund i filen
       *[other] { $number } kunder i filen
    }
console-import-contacts =
    { $count ->
        [one] { $number } kontakt i filen
       *[other] { $number } kontakter i filen
    }
console-import-contacts-more =
    { $count ->
        [one] { $number } kontakt till
       *[other] { $number } kontakter till
    }
console-import-sums-caption = Ändringarna i siffror
console-import-sums-empty = Inget ändras.
console-import-changes-caption = Kunder som ändras
console-import-changes-empty = Ingen kund ändras.
console-import-more =
    { $count ->
        [one] Och { $number } kund till.
       *[other] Och { $number } kunder till.
    }
console-import-renamed = annat namn
console-import-values =
    { $count ->
        [one] { $number } attributvärde
       *[other] { $number } attributvärden
    }
console-import-erased =
    { $count ->
        [one] { $number } rad gäller en raderad person och utelämnas.
       *[other] { $number } rader gäller raderade personer och utelämnas.
    }
console-import-rectified =
    { $count ->
        [one] { $number } rad har en adress som rättats: den rättade lagras.
       *[other] { $number } rader har adresser som rättats: de rättade lagras.
    }
console-import-kept =
    { $count ->
        [one] { $number } kund med en felaktig rad behåller allt.
       *[other] { $number } kunder med felaktiga rader behåller allt.
    }
console-import-skipped = De här raderna utelämnas.
console-import-do = Importera nu
console-import-other = Välj en annan fil
console-import-done = Filen är importerad.
console-change-new = Ny
console-change-changed = Ändrad
console-change-gone = Borta
console-change-reactivated = Tillbaka

# tasks
console-tasks-caption = Öppna uppgifter
console-tasks-empty = Det finns inget att göra.
console-tasks-all-caption = Alla uppgifter
console-tasks-all-empty = Det har inte funnits någon uppgift än.
console-tasks-open-only = Bara öppna
console-tasks-show-all = Alla uppgifter
console-task-how-it-stands = Hur det står till med kunden
console-task-done = Det är gjort
console-task-done-title = Avsluta uppgiften
console-task-note-hint = På en rad, för protokollet
console-attest-told-hint = Tomt för nu; i zonen { $zone }
console-uncertain-title = Leveranser med okänt utfall
console-uncertain-text = Anslutningen bröts för sent för att veta om mejlservern har meddelandet. Serverns logg säger det.
console-uncertain-caption = Leveranser med okänt utfall
console-uncertain-empty = Alla utfall är kända.
console-uncertain-decide = Väntar på ditt beslut

# inbound
console-inbound-caption = Vad som kom tillbaka, det nyaste först
console-inbound-empty = Inget har kommit tillbaka än.
console-inbound-unmatched-caption = Vad som inte hör till någon känd leverans
console-inbound-unmatched-empty = Allt hör till en känd leverans.
console-inbound-show-all = Allt som kom tillbaka
console-inbound-show-unmatched = Bara det som inte hör till någon känd leverans
console-inbound-one = Ett meddelande som kom tillbaka
console-inbound-reports-caption = Vad det säger om sin leverans
console-inbound-reports-empty = Det säger inget om en leverans.
console-inbound-read = Läs det
console-inbound-delivery = Dess leverans
console-inbound-message = Meddelandet som det kom
console-inbound-as-it-came = Som det kom; inget av det ritas eller hämtas
console-inbound-cut = Resten visas inte.
console-inbound-deleted = Innehållet är borttaget: med en person, eller när tiden var slut.
console-disposition-waiting = Väntar på att läsas
console-disposition-recorded = Antecknat
console-disposition-unmatched = Hör till ingen känd leverans
console-kind-none = Inte läst än
console-kind-dsn = Leveransrapport
console-kind-arf = Klagomål
console-kind-auto-reply = Automatiskt svar
console-kind-mdn = Kvittens
console-kind-reply = Svar
console-kind-unknown = Kan inte läsas
console-forward-waiting = Väntar på att vidarebefordras
console-forward-withheld = Undanhållet
console-forward-forwarded = Vidarebefordrat till supporten
console-forward-failed = Kunde inte vidarebefordras

# relays
console-relay-caption = Mejlservern vid varje nod
console-relay-empty = Ingen nod rapporterar om den.
console-relay-all = Alla kategorier
console-relay-no-limit = Ingen gräns
console-relay-per-second = { $number } per sekund
console-relay-until = Nästa försök { $time }
console-relay-paused = Pausade, eftersom mejlservern vidarebefordrade en begäran: { $domains }
console-nodes-caption = Noder
console-nodes-empty = Ingen utskickare är i drift.

# ledger
console-ledger-good = Liggaren är i ordning.
console-ledger-stopped = Förseglingen har stannat. Obligatoriska meddelanden skickas, nyheter och enkäter väntar.
console-ledger-others-sign = Andra noder signerar: { $path } saknas här. Kopiera den från en som signerar.
console-ledger-signs = Signerar
console-ledger-signs-not = Signerar inte
console-ledger-continue = Fortsätt
console-ledger-continue-title = Låt förseglingen fortsätta
console-ledger-continue-text = Förseglingen stannar om databasen inte fortsätter där den senast signerades, som efter en återställning. Ta reda på varför innan du fortsätter: skälet blir kvar i liggaren.
console-ledger-reason-hint = På en rad; det blir kvar i liggaren
console-ledger-waiting-leave = Lämna dem osäkra och besluta senare
console-ledger-waiting-send = Skicka dem: några kan få dem två gånger
console-ledger-waiting-hint =
    { $count ->
        [one] { $number } leverans kan redan ha skickats.
       *[other] { $number } leveranser kan redan ha skickats.
    }
console-ledger-checkpoint = Senaste kontrollpunkt
console-ledger-checkpoint-text = Den som behåller en kopia kan senare bevisa att inget före den har ändrats.
console-ledger-key = Nyckel som kontrollerar den
console-ledger-public = Kontrollpunkten, för alla
console-ledger-verify = Kontrollera bevis

# audit
console-audit-caption = Vem som bad om vad, det nyaste först
console-audit-empty = Inget passar.
console-result-ok = Gjort
console-result-invalid = Felaktig inmatning
console-result-not-found = Hittades inte
console-result-conflict = Konflikt
console-result-unauthenticated = Ingen känd
console-result-forbidden = Inte tillåtet
console-result-refused = Avvisat
console-result-later = Försök senare
console-result-failed = Misslyckades

# people
console-person-unknown = Inget är känt om adressen.
console-person-restricted = Personens uppgifter är begränsade: den här visningen loggas.
console-person-others = Kända som samma persons: { $addresses }
console-person-contacts-caption = Kontakter med adressen
console-person-contacts-empty = Ingen kontakt har adressen.
console-person-opted-out = Har tackat nej: { $category }
console-person-sent-caption = Skickat till adressen
console-person-sent-empty = Inget har skickats till adressen.
console-person-more =
    { $count ->
        [one] Och { $number } till: exporten har dem.
       *[other] Och { $number } till: exporten har dem.
    }
console-right-export = Hämta exporten
console-right-export-title = Export
console-right-export-text = Allt som finns lagrat om personen, med bevis (GDPR art. 15 och 20).
console-right-restrict = Begränsa
console-right-restrict-title = Begränsning
console-right-restrict-text = Inga valfria utskick, maskerad i listor, varje visning loggas. Obligatoriska meddelanden skickas fortfarande (GDPR art. 18).
console-right-unrestrict = Häv begränsningen
console-right-unrestrict-title = Begränsning
console-right-unrestrict-text = Uppgifterna är begränsade just nu.
console-right-rectify = Rätta
console-right-rectify-title = Rättelse
console-right-rectify-text = Adressen rättas hos alla kunder; val och begränsningar följer med (GDPR art. 16).
console-right-as-one = Den rätta adressen är redan känd och är samma persons
console-right-object = Anteckna invändningen
console-right-object-title = Invändning
console-right-object-text = Valfria utskick upphör genast. Om obligatoriska meddelanden fattas ett beslut (GDPR art. 21).
console-right-object-none = Välj minst en kategori.
console-right-grounds-hint = Behövs för obligatoriska meddelanden
console-right-erase = Se vad som står i vägen
console-right-erase-title = Radering
console-right-erase-text = Tar bort allt som namnger personen; bevisen för andra förblir giltiga (GDPR art. 17).
console-erase-whom = Det här raderar personen med adressen { $addresses }.
console-erase-free = Inget står i vägen.
console-erase-duties = Skyldigheter att bevara uppgifterna står i vägen.
console-erase-duties-caption = Skyldigheter att bevara
console-erase-duties-empty = Det finns ingen.
console-erase-text = Det kan inte ångras.
console-erase-ground-hint = Blir kvar i liggaren: utan personens namn eller adress
console-erase-waive-hint = Kryssa för varje skyldighet som inte gäller i det här fallet. Liggaren namnger dem.
console-erase-button = Radera personen
console-erase-not-waived = Inget raderades: en skyldighet som inte är undantagen står emot.
console-erased = Personen är raderad.
console-erased-contacts =
    { $count ->
        [one] { $number } kontakt borttagen
       *[other] { $number } kontakter borttagna
    }
console-erased-deliveries =
    { $count ->
        [one] { $number } leverans namnger inte längre personen
       *[other] { $number } leveranser namnger inte längre personen
    }
console-erased-entries =
    { $count ->
        [one] { $number } post i liggaren kan inte längre öppnas
       *[other] { $number } poster i liggaren kan inte längre öppnas
    }
console-erased-rows =
    { $count ->
        [one] { $number } rad i ett meddelande som inte är släppt namnger fortfarande personen.
       *[other] { $number } rader i meddelanden som inte är släppta namnger fortfarande personen.
    }
console-erased-later = Ett steg görs senare: { $why }
console-petition-access = Tillgång (art. 15)
console-petition-rectification = Rättelse (art. 16)
console-petition-erasure = Radering (art. 17)
console-petition-restriction = Begränsning (art. 18)
console-petition-portability = Dataportabilitet (art. 20)
console-petition-objection = Invändning (art. 21)
console-petition-answer-done = Gjort
console-petition-answer-refused = Avslaget
console-petition-answer-withdrawn = Återtaget
console-petition-left = { $time } kvar
console-petition-record = För in i registret
console-petition-title = Personen har begärt något
console-petition-text = Det ska besvaras inom en månad från mottagandet (GDPR art. 12.3).
console-petition-kind = Vad personen begär
console-petition-answer-title = Anteckna svaret
console-petition-answer-button = Anteckna svaret
console-petition-note-hint = Vad personen fick veta, på en rad
console-petition-extend = Ta två månader till
console-petition-extend-text = Bara om ärendet är komplicerat och personen fick veta varför inom den första månaden.
console-petitions-open = Begäranden som väntar på svar
console-petitions-caption = Begäranden som väntar på svar, de mest brådskande först
console-petitions-empty = Ingen begäran väntar på svar.
console-petitions-all = Alla begäranden från personer
console-petitions-all-caption = Alla begäranden, de nyaste först
console-petitions-all-empty = Ingen person har begärt något än.
console-objections-caption = Invändningar mot obligatoriska meddelanden som väntar på beslut
console-objections-empty = Ingen väntar på beslut om en invändning.
console-objections-all = Alla invändningar mot obligatoriska meddelanden
console-objections-all-caption = Alla invändningar mot obligatoriska meddelanden
console-objections-all-empty = Ingen har invänt.
console-objection-decide = Besluta om invändningen från { $address }
console-decision-upheld = Bifallen: meddelandena ska inte skickas längre
console-decision-declined = Avslagen: tvingande skäl väger tyngre

# preferences and suppressions
console-preferences-caption = Har tackat nej
console-preferences-empty = Adressen har inte tackat nej till något.
console-preferences-set = Ändra på personens begäran
console-preferences-text = Det gäller hos alla kunder. Obligatoriska meddelanden skickas oavsett valet här.
console-suppressions-text = Nyheter och enkäter skickas inte till de här adresserna; obligatoriska meddelanden skickas ändå.
console-suppressions-caption = Spärrade adresser
console-suppressions-empty = Ingen adress är spärrad.
console-suppressions-add = Spärra
console-suppressions-add-title = Spärra en adress
console-suppressions-lift = Häv
console-suppressions-lift-title = Häv en spärr
console-suppressions-lift-text = Alla skäl utom en begränsning, som bara hävs på personens sida.
console-suppression-dead = Finns inte
console-suppression-complaint = Har klagat
console-suppression-restricted = Begränsad (art. 18)
console-suppression-manual = En operatörs beslut

# operators, keys, webhooks
console-operators-caption = Operatörer
console-operators-empty = Det finns ingen operatör än.
console-operators-add = Lägg till
console-operators-add-title = Lägg till en operatör
console-operators-kind-hint = En maskin använder nycklar och får inte godkänna
console-operator-kind-person = Person
console-operator-kind-machine = Maskin
console-operator-active = Aktiv
console-operator-disabled = Avstängd
console-operator-role-ops = ops: underhåll och störningar
console-operator-role-security = security: incidenter, säkerhetsåtgärder, störningar
console-operator-role-legal = legal: avtal; godkänner incidentmeddelanden
console-operator-role-finance = finance: fakturor
console-operator-role-marketing = marketing: nyheter och enkäter, utan adresser
console-operator-role-compliance = compliance: läser allt, godkänner, svarar personer och myndigheter
console-operator-role-support = support: svarar en kund i taget
console-operator-role-admin = admin: operatörer, nycklar och tekniken; inga meddelanden
console-operator-role-auditor = auditor: läser liggare, granskningslogg och bevis
console-operator-keys = Nycklar
console-operator-audit = Vad operatören har bett om
console-operator-set = Roller och adress
console-operator-invite = Skapa en inbjudan
console-operator-invite-title = Bjud in
console-operator-invite-text = En länk med vilken personen väljer lösenord. Den fungerar en gång, i 24 timmar.
console-operator-reset = Ta bort den andra faktorn också
console-operator-invited = Skicka länken till operatören. Den visas bara nu och fungerar en gång, till { $time }.
console-operator-link = Länk
console-operator-disable = Stäng av
console-operator-disable-text = Operatören får inte göra något mer: sessioner avslutas genast, nycklar återkallas för gott.
console-operator-enable = Slå på
console-operator-enable-text = Operatören får agera igen, utan de tidigare nycklarna.
console-keys-caption = Nycklar för program
console-keys-empty = Det finns ingen nyckel.
console-keys-add = Skapa en nyckel
console-keys-add-title = Skapa en nyckel
console-keys-roles-hint = Inget kryss: alla operatörens roller
console-keys-docs = Hur program använder den
console-key-active = Aktiv
console-key-expired = Upphörd
console-key-revoked = Återkallad
console-key-disabled = Operatören avstängd
console-key-revoke = Återkalla
console-key-before = Detta formulär har redan skapat sin nyckel. En nyckel visas en gång: återkalla den och skapa en ny om ingen har antecknat den.
console-key-before-id = Nyckeln som det skapade
console-key-once = Kopiera nyckeln nu: den visas aldrig igen.
console-key-of = Nyckel för { $name }
console-webhooks-caption = System som anropas
console-webhooks-empty = Inget system anropas.
console-webhooks-add = Lägg till
console-webhooks-add-title = Lägg till en webhook
console-webhooks-url-hint = https, på en publik adress
console-webhook-title = Webhook
console-webhook-active = Aktiv
console-webhook-failing = Misslyckas
console-webhook-disabled = Avstängd
console-webhook-attempts-caption = Senaste försök
console-webhook-attempts-empty = Den har inte anropats än.
console-webhook-set = Adress och händelser
console-webhook-test = Anropa nu
console-webhook-test-text = Ett provanrop görs, och du ser svaret.
console-webhook-tested = Mottagaren svarade som den ska.
console-webhook-test-failed = Anropet misslyckades: { $problem }
console-webhook-rotate = Skapa en ny hemlighet
console-webhook-rotate-text = Den förra hemligheten signerar också under ett dygn.
console-webhook-once = Kopiera hemligheten nu: den visas aldrig igen.
console-webhook-secret = Hemlighet
console-webhook-disable = Stäng av
console-webhook-disable-text = Den anropas inte längre; det som väntar behålls.
console-webhook-enable = Slå på
console-webhook-enable-text = Den anropas igen, också för det som väntar.
console-event-notice-submitted = Ett meddelande lämnades in
console-event-notice-approved = Ett meddelande godkändes
console-event-notice-released = Ett meddelande släpptes
console-event-notice-closed = Ett meddelande avslutades
console-event-delivery-final = Leveranser har ett utfall
console-event-delivery-bounced = Ett meddelande kom tillbaka
console-event-coverage-overdue = Kunder är försenade
console-event-task-opened = En person har en uppgift
console-event-task-done = En uppgift avslutades
console-event-relay-down = Ingen utskickare kan använda en mejlserver
console-event-relay-up = En mejlserver kan användas igen
console-event-ledger-stopped = Förseglingen har stannat
console-event-ping = Ett prov

# verify
language-name = Svenska
verify-title = Kontrollera bevis
verify-intro = Ladda upp en bevisfil och läs vad den bevisar och vad den inte bevisar.
verify-field = Bevisfil
verify-button = Kontrollera
verify-note = Inget av filen sparas. Kommandot ”besked verify” gör samma sak utan oss.
verify-valid = Filen är giltig.
verify-invalid = Filen bevisar inget.
verify-invalid-text = Hämta filen på nytt från källan och ladda upp den som den är: bevis som ändrats, eller som hör till en annan liggare, är inte giltiga här.
verify-failed-none = Välj en fil.
verify-failed-large = Filen är för stor för den här sidan: kommandot ”besked verify” tar filer av alla storlekar.
verify-failed-cut = Filen kom inte fram hel. Försök igen.
verify-failed-busy = Andra filer kontrolleras. Försök igen om en stund.
verify-failed-no-key = Den här maskinen har inte nyckeln som kontrollerar bevis.
verify-failed-failed = Något gick fel. Försök igen.
verify-notice = Meddelande
verify-ledger = Liggare
verify-checkpoint = Poster och rot för kontrollpunkten
verify-key = Signerad med nyckeln
verify-recipients = Mottagare i filen, av alla
verify-messages = Meddelanden exakt som skickade
verify-entries = Vad posterna bevisar
verify-who = Vilka som bevisligen är mottagare
verify-more = Filen har mer än vad som visas här: kommandot ”besked verify” visar allt.

# Vad som är fel med ett värde i ett formulär, efter dess kod; fältets namn står före.
console-wrong-required = måste fyllas i
console-wrong-line = måste vara en enda rad, utan styrtecken
console-wrong-placeholders = kan inte innehålla platshållare
console-wrong-empty = får inte vara tom
console-wrong-twice = { $word } står två gånger
console-wrong-no-time = är ingen tidpunkt som finns
console-wrong-no-date = är inget datum som finns
console-wrong-blank = får inte vara tomt
console-wrong-body-of-news = måste fyllas i: nyheternas text
console-wrong-body-of-agreement = måste fyllas i: hela den ändrade texten
console-wrong-not-resolved = är möjligt bara med läget ”åtgärdad”
console-wrong-order = måste vara efter ”{ $field }”
console-wrong-after = är efter ”{ $field }”
console-wrong-before = är före ”{ $field }”
console-wrong-over = har passerat när meddelandet släpps
console-wrong-same-window = är samma fönster som det nya
console-wrong-future = ligger i framtiden
console-wrong-long-subject = har { $length } tecken, och en ämnesrad får ha { $most }: inkorgar visar de första 70 eller så
console-wrong-no-file = välj filen med kunderna
console-wrong-no-attribute = ”{ $line }” har inget namn och värde, som region: sto1
console-wrong-no-send-at = saknas: skriv datum och tid
console-wrong-not-a-time = måste vara ett datum med en tid, som 2026-12-01 22:00

# Vad som avvisas.
console-refused-unknown-notice = Det finns inget meddelande { $name }.
console-refused-impossible = Det går inte: meddelandets läge är nu ”{ $state }”.
console-refused-own-approval = { $name } har skrivit meddelandet, och dess kategori behöver en andra persons godkännande.
console-refused-approval-void = Meddelandet är inte det som godkändes.
console-refused-audience-changed = Meddelandet godkändes för { $then } adresser, och skulle nu gå till { $now }.
console-refused-audience-others = Meddelandet godkändes för { $then } adresser, och skulle nu gå till { $now }, varav { $others } andra.
console-refused-not-standing = Meddelandet är inget stående meddelande och hör inte till någon serie: mottagarna var fullständiga när det släpptes.
console-refused-changed = Meddelandet har ändrats sedan det lästes.
console-refused-conflict = En annan process ändrade meddelandet samtidigt.
console-refused-no-customers = Det finns inga mottagare: inga kunder har importerats.
console-refused-nobody-to-address = Det är { $customers } kunder, men ingen kontakt som denna kategori vänder sig till.
console-refused-follows-nothing = Meddelandet har inga mottagare och fortsätter inget annat.
console-refused-second-person = Det behöver en andra persons godkännande.
console-refused-forbidden-role = Detta kräver rollen { $roles }.
console-refused-forbidden-roles = Detta kräver någon av rollerna { $roles }.
console-refused-lost = Släppet stoppades: meddelandet avbröts, eller så släpper en annan process det.
console-refused-shrinks = Filen har { $file } kunder, och { $active } är aktiva nu: det är för få för att ersätta alla.
console-refused-erased-meanwhile = En person raderades under tiden; inget importerades.
console-refused-rectified-meanwhile = En adress rättades under tiden; inget importerades.
console-refused-outdated = Kunder har ändrats sedan ändringarna visades; inget importerades.
console-refused-altered = Filen är inte den vars ändringar visades; inget importerades.
