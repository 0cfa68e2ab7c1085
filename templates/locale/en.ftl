# Every fixed string of a mail, in English. A key that is added here is added in the other languages too: a test compares
# the keys and the variables. Subjects and greetings are plain text, never HTML.

# Dates and times

month-1 = January
month-2 = February
month-3 = March
month-4 = April
month-5 = May
month-6 = June
month-7 = July
month-8 = August
month-9 = September
month-10 = October
month-11 = November
month-12 = December
weekday-1 = Monday
weekday-2 = Tuesday
weekday-3 = Wednesday
weekday-4 = Thursday
weekday-5 = Friday
weekday-6 = Saturday
weekday-7 = Sunday
date = { $day } { $month } { $year }
date-long = { $weekday } { $day } { $month } { $year }
date-and-time = { $date }, { $time }
clocks-change = The clocks change during this time.
minutes =
    { $count ->
        [one] { $count } minute
       *[other] { $count } minutes
    }
hours =
    { $count ->
        [one] { $count } hour
       *[other] { $count } hours
    }
days =
    { $count ->
        [one] { $count } day
       *[other] { $count } days
    }
and = and

# On every mail

greeting = Hello { $name },
greeting-blank = Hello,
label-reference = Reference
reference-note = Please state this reference if you contact us.

# Footer

footer-heading = About this message
footer-sender = Sent by { $organisation }, { $address }.
footer-why = You get this as { $role } of { $customer } (account { $account }).
role-service = service contact
role-security = security contact
role-technical = technical contact
role-legal = legal contact
role-billing = billing contact
footer-privacy = Questions about personal data:
footer-authority = You can complain about how we handle personal data to the supervisory authority: { $authority }.
footer-optional = You do not have to receive messages like this.
footer-unsubscribe = Unsubscribe
footer-unsubscribe-text = Unsubscribe here:

basis-security_breach = Legal basis: our duty to tell you about a personal data breach and to keep your data secure (GDPR Articles 33(2), 34 and 32(1)).
basis-disruption = Legal basis: our legitimate interest in keeping you informed about the service you use (GDPR Article 6(1)(f)), and security of processing (Article 32(1)).
basis-maintenance = Legal basis: our legitimate interest in keeping you informed about the service you use (GDPR Article 6(1)(f)), and security of processing (Article 32(1)).
basis-agreement_change = Legal basis: our contract with the customer, and our legitimate interest in telling its contacts about changes to it (GDPR Article 6(1)(f)).
basis-security_measures_change = Legal basis: security of processing, and our duties as a processor (GDPR Articles 32(1) and 28).
basis-billing = Legal basis: our contract with the customer, and accounting law.
basis-news = Legal basis: our legitimate interest in telling customers about the service (GDPR Article 6(1)(f)). You may object at any time.
basis-survey = Legal basis: our legitimate interest in improving the service (GDPR Article 6(1)(f)). You may object at any time.

refusal-security_breach = You cannot opt out of notices like this: the law requires us to tell you about a breach.
refusal-disruption = You cannot opt out of notices like this: you must be able to act when a service that you rely on fails.
refusal-maintenance = You cannot opt out of notices like this: you must be able to prepare for work on a service that you rely on.
refusal-agreement_change = You cannot opt out of notices like this: you must know the terms that apply to you, and your rights when they change.
refusal-security_measures_change = You cannot opt out of notices like this: you must be able to judge how your data is protected.
refusal-billing = You cannot opt out of notices like this: they are part of invoicing.

# Security breach

security_breach-label = Personal data breach
security_breach-subject = Personal data breach notice: { $reference }
security_breach-lead = A security incident has affected personal data that we handle for you. This notice says what happened, what it may lead to, what we do about it, and what you can do.
security_breach-discovered = Discovered
security_breach-occurred-from = Began
security_breach-occurred-until = Ended
security_breach-data = Data affected
security_breach-nature = What happened
security_breach-consequences = What it may lead to
security_breach-measures = What we have done and are doing
security_breach-actions = What you should do
security_breach-contact = Where to get more information

# Disruption

disruption-label-possible = Possible disruption
disruption-label-investigating = Disruption: being investigated
disruption-label-identified = Disruption: cause found
disruption-label-monitoring = Disruption: being monitored
disruption-label-resolved = Disruption: resolved
disruption-subject-possible = Possible disruption of { $services }
disruption-subject-investigating = Disruption of { $services }: we are investigating
disruption-subject-identified = Disruption of { $services }: cause found, repair under way
disruption-subject-monitoring = Disruption of { $services }: repaired, we are monitoring
disruption-subject-resolved = Disruption of { $services }: resolved
disruption-lead-possible = A disruption is possible. Nothing has failed yet.
disruption-lead-investigating = Something is not working as it should. We do not know the cause yet and are looking for it.
disruption-lead-identified = We know the cause of the disruption and are working on the repair.
disruption-lead-monitoring = The repair is in place. We are watching the service before we call the disruption over.
disruption-lead-resolved = The disruption is over and the service works as it should.
disruption-status = Status
disruption-status-possible = Possible
disruption-status-investigating = Being investigated
disruption-status-identified = Cause found, repair under way
disruption-status-monitoring = Repaired, being monitored
disruption-status-resolved = Resolved
disruption-services = Services
disruption-started = Started
disruption-resolved = Resolved
disruption-duration = Duration
disruption-next-update = Next update
disruption-next-update-by = By { $time }
disruption-impact = What you may notice
disruption-impact-resolved = What was affected
disruption-workaround = What you can do meanwhile

# Maintenance

maintenance-label-announced = Planned maintenance
maintenance-label-rescheduled = Maintenance: new time
maintenance-label-cancelled = Maintenance: cancelled
maintenance-label-started = Maintenance: started
maintenance-label-completed = Maintenance: completed
maintenance-subject-announced = Planned maintenance of { $services }: { $when }
maintenance-subject-rescheduled = New time for maintenance of { $services }: { $when }
maintenance-subject-cancelled = Cancelled: maintenance of { $services } on { $when }
maintenance-subject-started = Maintenance of { $services } has started
maintenance-subject-completed = Maintenance of { $services } is completed
maintenance-lead-announced = We will carry out planned maintenance on services that you use.
maintenance-lead-rescheduled = Maintenance that we announced earlier has moved to another time. Please note the new time below.
maintenance-lead-cancelled = Maintenance that we announced will not take place. You do not need to do anything.
maintenance-lead-started = The maintenance that we announced has started.
maintenance-lead-completed = The maintenance is completed. If something does not work as before, please contact us.
maintenance-when = When
maintenance-when-rescheduled = New time
maintenance-when-cancelled = Was planned for
maintenance-previous = Previous time
maintenance-no-longer = No longer applies.
maintenance-cancelled-note = Will not take place.
maintenance-duration = Duration
maintenance-services = Services
maintenance-impact = What you may notice
maintenance-impact-cancelled = What this would have affected
maintenance-impact-completed = What was affected
maintenance-action = What you need to do

# Agreement change

agreement_change-label = Change of agreement
agreement_change-subject = { $document } changes on { $date }
agreement_change-lead = We are changing an agreement between us. Here is what changes, what you can do if you do not agree, and the full text.
agreement_change-document = Document
agreement_change-version = New version
agreement_change-effective = Takes effect
agreement_change-right-until = Object or terminate by
agreement_change-summary = What changes
agreement_change-right = Your right to object or terminate
agreement_change-right-date = You can use this right until and including { $date }.
agreement_change-text = The full text

# Security measures change

security_measures_change-label = Change of security measures
security_measures_change-subject = Changed security measure from { $date }: { $measure }
security_measures_change-lead = We are changing a measure that protects the data you keep with us.
security_measures_change-measure = Measure
security_measures_change-kind = Kind
security_measures_change-kind-technical = Technical measure
security_measures_change-kind-organisational = Organisational measure
security_measures_change-effective = Takes effect
security_measures_change-change = What changes
security_measures_change-effect = What it means for you

# Billing

billing-label = Invoice
billing-subject = Invoice { $invoice }: { $amount } { $currency }, due { $date }
billing-lead = Here are the details of your invoice.
billing-invoice = Invoice number
billing-period = Period
billing-amount = Amount
billing-due = Due date
billing-payment-reference = Payment reference

# News

news-label = News

# Survey

survey-label = Survey
survey-subject = We would like your answer: { $question }
survey-heading = We would like your answer
survey-question = Our question
survey-closes = Closes
survey-button = Answer the survey
survey-voluntary = Taking part is voluntary.

# The page behind the unsubscribe link.
preferences-title = What we may send you
preferences-intro = These choices are for { $address }, at every customer it belongs to.
preferences-saved = Your choices are saved.
preferences-news = News about our services
preferences-survey = Invitations to surveys
preferences-save = Save
preferences-mandatory = Notices that we are bound to send, such as maintenance, disruptions, changes of agreements and security, are not affected.
