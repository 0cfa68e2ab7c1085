# Alla fasta texter i ett brev, på svenska. En nyckel som läggs till här läggs till i de andra språken också: ett test
# jämför nycklar och variabler. Ämnesrader och hälsningar är ren text, aldrig HTML.

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
reference-note = Ange gärna referensen om du kontaktar oss.

# Sidfot

footer-heading = Om det här meddelandet
footer-sender = Skickat av { $organisation }, { $address }.
footer-why = Du får det här meddelandet som { $role } för { $customer } (konto { $account }).
role-service = tjänstekontakt
role-security = säkerhetskontakt
role-technical = teknisk kontakt
role-legal = avtalskontakt
role-billing = fakturakontakt
footer-privacy = Frågor om personuppgifter:
footer-authority = Du kan klaga på hur vi behandlar personuppgifter hos tillsynsmyndigheten: { $authority }.
footer-optional = Du behöver inte ta emot sådana här meddelanden.
footer-unsubscribe = Avsluta utskick
footer-unsubscribe-text = Avsluta utskicken här:

basis-security_breach = Rättslig grund: vår skyldighet att informera dig om en personuppgiftsincident och att skydda dina uppgifter (artiklarna 33.2, 34 och 32.1 i GDPR).
basis-disruption = Rättslig grund: vårt berättigade intresse av att hålla dig informerad om tjänsten du använder (artikel 6.1 f i GDPR) och säkerhet i samband med behandlingen (artikel 32.1).
basis-maintenance = Rättslig grund: vårt berättigade intresse av att hålla dig informerad om tjänsten du använder (artikel 6.1 f i GDPR) och säkerhet i samband med behandlingen (artikel 32.1).
basis-agreement_change = Rättslig grund: vårt avtal med kunden och vårt berättigade intresse av att informera kundens kontaktpersoner om ändringar i det (artikel 6.1 f i GDPR).
basis-security_measures_change = Rättslig grund: säkerhet i samband med behandlingen och våra skyldigheter som personuppgiftsbiträde (artiklarna 32.1 och 28 i GDPR).
basis-billing = Rättslig grund: vårt avtal med kunden och bokföringslagstiftningen.
basis-news = Rättslig grund: vårt berättigade intresse av att informera kunder om tjänsten (artikel 6.1 f i GDPR). Du kan invända när som helst.
basis-survey = Rättslig grund: vårt berättigade intresse av att förbättra tjänsten (artikel 6.1 f i GDPR). Du kan invända när som helst.

refusal-security_breach = Du kan inte tacka nej till sådana här meddelanden: enligt lag måste vi informera dig om en incident.
refusal-disruption = Du kan inte tacka nej till sådana här meddelanden: du måste kunna agera när en tjänst som du är beroende av inte fungerar.
refusal-maintenance = Du kan inte tacka nej till sådana här meddelanden: du måste kunna förbereda dig på arbeten i en tjänst som du är beroende av.
refusal-agreement_change = Du kan inte tacka nej till sådana här meddelanden: du måste känna till villkoren som gäller för dig och dina rättigheter när de ändras.
refusal-security_measures_change = Du kan inte tacka nej till sådana här meddelanden: du måste kunna bedöma hur dina uppgifter skyddas.
refusal-billing = Du kan inte tacka nej till sådana här meddelanden: de är en del av faktureringen.

# Personuppgiftsincident

security_breach-label = Personuppgiftsincident
security_breach-subject = Information om personuppgiftsincident: { $reference }
security_breach-lead = En säkerhetsincident har påverkat personuppgifter som vi hanterar åt dig. Här står vad som har hänt, vad det kan leda till, vad vi gör åt det och vad du kan göra.
security_breach-discovered = Upptäcktes
security_breach-occurred-from = Började
security_breach-occurred-until = Upphörde
security_breach-data = Berörda uppgifter
security_breach-nature = Vad som har hänt
security_breach-consequences = Vad det kan leda till
security_breach-measures = Vad vi har gjort och gör
security_breach-actions = Vad du bör göra
security_breach-contact = Här får du veta mer

# Driftstörning

disruption-label-possible = Möjlig störning
disruption-label-investigating = Driftstörning: felsökning pågår
disruption-label-identified = Driftstörning: orsaken är hittad
disruption-label-monitoring = Driftstörning: under bevakning
disruption-label-resolved = Driftstörning: avhjälpt
disruption-subject-possible = Möjlig störning i { $services }
disruption-subject-investigating = Driftstörning i { $services }: felsökning pågår
disruption-subject-identified = Driftstörning i { $services }: orsaken är hittad, vi åtgärdar felet
disruption-subject-monitoring = Driftstörning i { $services }: åtgärdad, vi bevakar
disruption-subject-resolved = Driftstörning i { $services }: avhjälpt
disruption-lead-possible = En störning kan inträffa. Ingenting har slutat fungera ännu.
disruption-lead-investigating = Något fungerar inte som det ska. Vi vet ännu inte varför och letar efter orsaken.
disruption-lead-identified = Vi vet vad som orsakar störningen och arbetar med att åtgärda felet.
disruption-lead-monitoring = Felet är åtgärdat. Vi bevakar tjänsten innan vi säger att störningen är över.
disruption-lead-resolved = Störningen är över och tjänsten fungerar som den ska.
disruption-status = Status
disruption-status-possible = Möjlig
disruption-status-investigating = Felsökning pågår
disruption-status-identified = Orsaken är hittad, felet åtgärdas
disruption-status-monitoring = Åtgärdat, under bevakning
disruption-status-resolved = Avhjälpt
disruption-services = Tjänster
disruption-started = Började
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
maintenance-subject-announced = Planerat underhåll av { $services }: { $when }
maintenance-subject-rescheduled = Ny tid för underhåll av { $services }: { $when }
maintenance-subject-cancelled = Inställt: underhåll av { $services } den { $when }
maintenance-subject-started = Underhåll av { $services } har påbörjats
maintenance-subject-completed = Underhåll av { $services } är avslutat
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
maintenance-action = Vad du behöver göra

# Avtalsändring

agreement_change-label = Ändring av avtal
agreement_change-subject = { $document } ändras den { $date }
agreement_change-lead = Vi ändrar ett avtal mellan oss. Här står vad som ändras, vad du kan göra om du inte går med på det och hela den nya texten.
agreement_change-document = Dokument
agreement_change-version = Ny version
agreement_change-effective = Gäller från
agreement_change-right-until = Invänd eller säg upp senast
agreement_change-summary = Vad som ändras
agreement_change-right = Din rätt att invända eller säga upp avtalet
agreement_change-right-date = Du kan använda den här rätten till och med { $date }.
agreement_change-text = Hela texten

# Ändrad säkerhetsåtgärd

security_measures_change-label = Ändrad säkerhetsåtgärd
security_measures_change-subject = Ändrad säkerhetsåtgärd från { $date }: { $measure }
security_measures_change-lead = Vi ändrar en åtgärd som skyddar uppgifterna du har hos oss.
security_measures_change-measure = Åtgärd
security_measures_change-kind = Slag
security_measures_change-kind-technical = Teknisk åtgärd
security_measures_change-kind-organisational = Organisatorisk åtgärd
security_measures_change-effective = Gäller från
security_measures_change-change = Vad som ändras
security_measures_change-effect = Vad det betyder för dig

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
survey-subject = Vi vill gärna ha ditt svar: { $question }
survey-heading = Vi vill gärna ha ditt svar
survey-question = Vår fråga
survey-closes = Stänger
survey-button = Svara på enkäten
survey-voluntary = Det är frivilligt att delta.

# Sidan bakom avanmälningslänken.
preferences-title = Vad vi får skicka till dig
preferences-intro = Valen gäller { $address }, hos alla kunder som adressen hör till.
preferences-saved = Dina val är sparade.
preferences-news = Nyheter om våra tjänster
preferences-survey = Inbjudningar till undersökningar
preferences-save = Spara
preferences-mandatory = Meddelanden som vi är skyldiga att skicka, till exempel om underhåll, störningar, ändrade avtal och säkerhet, påverkas inte.
